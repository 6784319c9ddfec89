//! Figures as a person reads them.

/// `29404` as `29,404`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of any size: a whole one in full, any other to four digits.
pub fn any(number: f64) -> String {
    let magnitude = number.abs();
    if number.fract() == 0.0 && magnitude < 1e15 {
        let sign = if number < 0.0 { "-" } else { "" };
        return format!("{sign}{}", thousands(magnitude as u64));
    }
    match magnitude {
        m if (1e-3..1e6).contains(&m) => {
            let before = m.log10().floor().max(-3.0) as i32;
            format!("{number:.*}", (3 - before).max(0) as usize)
        }
        _ => format!("{number:.3e}"),
    }
}

/// A proportion as percent with two decimals: `0.98662` as `98.66 %`. Only what is 0 or 1 reads
/// as such: all but one of a million is `99.99 %`.
pub fn percent(proportion: f64) -> String {
    let percent = match proportion {
        p if p < 1.0 && p > 0.99995 => 99.99,
        p if p > 0.0 && p < 0.00005 => 0.01,
        p => p * 100.0,
    };
    format!("{percent:.2} %")
}

/// A mean proportion with its standard deviation: `87.10 ± 2.30 %`.
pub fn percent_spread(mean: f64, std: f64) -> String {
    format!("{:.2} ± {:.2} %", mean * 100.0, std * 100.0)
}

/// A range of proportions: `86.40 – 87.77 %`.
pub fn percent_range(low: f64, high: f64) -> String {
    format!("{:.2} – {:.2} %", low * 100.0, high * 100.0)
}

/// The mean of `of` counts that come to `sum`: exact where there is but one.
pub fn mean_count(sum: u64, of: u64) -> String {
    match of {
        0 | 1 => thousands(sum),
        of => format!("{:.1}", sum as f64 / of as f64),
    }
}

/// The p of a test: `p = 0.0243`, `p < 0.0001`.
pub fn p_value(p: f64) -> String {
    match p < 0.0001 {
        true => "p < 0.0001".to_owned(),
        false => format!("p = {p:.4}"),
    }
}

/// A time span, precise where it is short: `42 ms`, `3.4 s`, `2 min 05 s`, `1 h 03 min`.
pub fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 0.0005 => "0 ms".to_owned(),
        s if s < 0.9995 => format!("{:.0} ms", s * 1e3),
        s if s < 59.95 => format!("{s:.1} s"),
        s if s < 3599.5 => {
            let whole = s.round() as u64;
            format!("{} min {:02} s", whole / 60, whole % 60)
        }
        s => {
            let minutes = (s / 60.0).round() as u64;
            format!("{} h {:02} min", minutes / 60, minutes % 60)
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn figures_read_well() {
        let check = |found: String, expected: &str| assert_eq!(found, expected);
        check(super::thousands(0), "0");
        check(super::thousands(999), "999");
        check(super::thousands(1000), "1,000");
        check(super::thousands(1234567), "1,234,567");
        check(super::any(213.0), "213");
        check(super::any(-1200.0), "-1,200");
        check(super::any(213.4), "213.4");
        check(super::any(0.012345), "0.01235");
        check(super::any(-12345.678), "-12346");
        check(super::any(2.5e-7), "2.500e-7");
        check(super::any(1.25e30), "1.250e30");
        check(super::percent(4796.0 / 4861.0), "98.66 %");
        check(super::percent(1.0), "100.00 %");
        check(super::percent(0.99996), "99.99 %");
        check(super::percent(0.0), "0.00 %");
        check(super::percent(1e-6), "0.01 %");
        check(super::percent_spread(0.871, 0.023), "87.10 ± 2.30 %");
        check(super::percent_range(0.864, 0.8777), "86.40 – 87.77 %");
        check(super::mean_count(4796, 1), "4,796");
        check(super::mean_count(9593, 2), "4796.5");
        check(super::p_value(0.02434), "p = 0.0243");
        check(super::p_value(0.0), "p < 0.0001");
        check(super::seconds(0.0), "0 ms");
        check(super::seconds(0.0421), "42 ms");
        check(super::seconds(0.9999), "1.0 s");
        check(super::seconds(59.96), "1 min 00 s");
        check(super::seconds(125.0), "2 min 05 s");
        check(super::seconds(3780.0), "1 h 03 min");
    }
}
