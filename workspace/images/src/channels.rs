//! Between colour and grey.

/// The brightness of a colour (ITU-R BT.601), with the weights and the rounding of Pillow's `convert("L")`.
pub fn grey([red, green, blue]: [u8; 3]) -> u8 {
    let sum = RED * u32::from(red) + GREEN * u32::from(green) + BLUE * u32::from(blue);
    ((sum + 0x8000) >> 16) as u8
}

/// The same of floats, which are not rounded to 256 steps.
pub(crate) fn grey_of_floats([red, green, blue]: [f32; 3]) -> f32 {
    let sum = f64::from(RED) * f64::from(red)
        + f64::from(GREEN) * f64::from(green)
        + f64::from(BLUE) * f64::from(blue);
    (sum / f64::from(RED + GREEN + BLUE)) as f32
}

/// The weights of 0.299, 0.587 and 0.114, in 65,536ths.
const RED: u32 = 19_595;
const GREEN: u32 = 38_470;
const BLUE: u32 = 7_471;
