//! Multi-head self-attention within windows of a map (Liu et al., "Swin Transformer", 2021): the map is moved up and left
//! by the shift, what leaves coming in on the other side, and cut into windows; within each, places attend to one another as
//! tokens do in `attention`, and everything goes back to where it was. A score has a learned bias for how far its two places
//! lie apart. Places that have come into one window from opposite sides of the map hardly see each other: their scores are
//! lowered.

use rayon::prelude::*;

use super::attention::{ARRAYS, Attending, Sequences, maps};
use super::{Array, Kind, Layer, Site, Start, check_divides, image, several};
use crate::layout::Turned;
use crate::operation::{Backward, Forward, Operation};
use crate::place::Place;
use crate::problem::Problem;
use crate::shape::{Shape, by};

/// Attention between the places of each window of a map, `ShiftedWindowAttention` in
/// `torchvision/models/swin_transformer.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowAttention {
    /// Into how many heads the channels are divided.
    pub heads: usize,
    /// Height and width of a window.
    pub window: [usize; 2],
    /// How far windows are moved down and to the right, less than a window.
    pub shift: [usize; 2],
    /// Whether queries, keys and values have a bias; the map behind them has one always.
    pub bias: bool,
}

/// What a score between places from opposite sides of the map is lowered by: torchvision's and timm's number.
pub const LOWERED: f32 = -100.0;

/// Learned biases by how far two places lie apart: a row for each distance down and to the right, a column for each head.
const TABLE: &str = "position_bias_table";

pub(super) static KIND: Kind = Kind {
    name: "window-attention",
    keys: &["heads", "window", "shift", "bias"],
    inputs: (1, 1),
    read: |place| read(place).map(Into::into),
};

fn read(place: &mut Place<'_, '_>) -> Option<WindowAttention> {
    let heads = place.number("heads", None);
    let window = place.pair("window", 1, None);
    let shift = place.pair("shift", 0, Some([0, 0]));
    let bias = place.flag("bias", true);
    let (window, shift) = (window?, shift?);
    if (0..2).any(|axis| shift[axis] >= window[axis]) {
        place.report(Problem::new(format!(
            "`shift` is {}, expected less than the window of {}",
            by(&shift),
            by(&window)
        )));
        return None;
    }
    Some(WindowAttention {
        heads: heads?,
        window,
        shift,
        bias: bias?,
    })
}

impl WindowAttention {
    /// Places of a window.
    pub fn tokens(&self) -> usize {
        self.window[0] * self.window[1]
    }

    /// For each place of each window, window after window, its place in a map of this height and width.
    pub fn places(&self, [height, width]: [usize; 2]) -> Vec<usize> {
        let [rows, columns] = self.window;
        let mut places = Vec::with_capacity(height * width);
        for top in (0..height).step_by(rows) {
            for left in (0..width).step_by(columns) {
                for y in top..top + rows {
                    let row = (y + self.shift[0]) % height * width;
                    let columns = left..left + columns;
                    places.extend(columns.map(|x| row + (x + self.shift[1]) % width));
                }
            }
        }
        places
    }

    /// All pairs of places of a window.
    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> {
        let tokens = self.tokens();
        (0..tokens).flat_map(move |own| (0..tokens).map(move |to| (own, to)))
    }

    /// For each pair of places of a window the row of the table with its biases.
    pub fn distances(&self) -> Vec<usize> {
        let [rows, columns] = self.window;
        let distance = |(own, to): (usize, usize)| {
            let down = own / columns + rows - 1 - to / columns;
            down * (2 * columns - 1) + own % columns + columns - 1 - to % columns
        };
        self.pairs().map(distance).collect()
    }

    /// What is added to the score of each pair of places in a window that is the last one down, or to the right.
    pub fn lowered(&self, is_last: [bool; 2]) -> Vec<f32> {
        let [rows, columns] = self.window;
        // Whether a place has come from the other side, along each axis.
        let moved = |token: usize| {
            [
                is_last[0] && token / columns >= rows - self.shift[0],
                is_last[1] && token % columns >= columns - self.shift[1],
            ]
        };
        let lowered = |(own, to)| match moved(own) == moved(to) {
            true => 0.0,
            false => LOWERED,
        };
        self.pairs().map(lowered).collect()
    }

    /// For each window of a map whether it is the last one down, and to the right.
    pub fn last(&self, [height, width]: [usize; 2]) -> Vec<[bool; 2]> {
        let (rows, columns) = (height / self.window[0], width / self.window[1]);
        let last = |window: usize| {
            [
                window / columns + 1 == rows,
                window % columns + 1 == columns,
            ]
        };
        (0..rows * columns).map(last).collect()
    }
}

impl Layer for WindowAttention {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn detail(&self) -> String {
        let mut detail = several(self.heads, "head");
        detail += &format!(", windows of {}", by(&self.window));
        if self.shift != [0, 0] {
            detail += &format!(", shift {}", by(&self.shift));
        }
        if !self.bias {
            detail += ", no bias";
        }
        detail
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        let [channels, height, width] = image(&KIND, inputs[0])?;
        check_divides("heads", self.heads, channels, "the number of channels")?;
        let fits = |side: usize, axis: usize| side.is_multiple_of(self.window[axis]);
        if !fits(height, 0) || !fits(width, 1) {
            return Err(Problem::new(format!(
                "`window` is {}, expected a height and a width that divide those of the map, {}",
                by(&self.window),
                by(&[height, width])
            )));
        }
        Ok(inputs[0])
    }

    /// Named and laid out as in timm but for the name of the table.
    fn arrays(&self, input: Shape) -> Vec<Array> {
        let (channels, _) = input.channels();
        let [rows, columns] = self.window.map(|side| side.saturating_mul(2) - 1);
        let table = Array {
            name: TABLE,
            shape: vec![rows.saturating_mul(columns), self.heads],
            learned: true,
            start: Start::Constant(0.0),
        };
        maps(channels, self.bias).chain([table]).collect()
    }

    /// The linear maps, scores and sums of values.
    fn multiply_adds(&self, input: Shape, _output: Shape) -> u64 {
        let (channels, places) = input.channels();
        let [channels, places, tokens] = [channels, places, self.tokens()].map(|size| size as u64);
        4 * places * channels * channels + 2 * places * tokens * channels
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let [channels, height, width] = site.output.as_image()?;
        let map = [height, width];
        let kind = |[down, right]: [bool; 2]| usize::from(down) * 2 + usize::from(right);
        let lowered = [[false, false], [false, true], [true, false], [true, true]];
        Some(Box::new(Within {
            attending: Attending {
                tokens: self.tokens(),
                width: channels,
                heads: self.heads,
                keeps: site.learns,
            },
            channels_last: false,
            places: self.places(map),
            distances: self.distances(),
            lowered: lowered.map(|is_last| self.lowered(is_last)),
            last: self.last(map).into_iter().map(kind).collect(),
        }))
    }
}

#[derive(Clone)]
struct Within {
    attending: Attending,
    channels_last: bool,
    places: Vec<usize>,
    distances: Vec<usize>,
    /// By whether a window is the last one down (2) and to the right (1).
    lowered: [Vec<f32>; 4],
    /// Which of these each window has.
    last: Vec<usize>,
}

impl Within {
    /// Puts the places of each map behind one another as windows have them.
    fn windows_of(&self, maps: &[f32], windows: &mut [f32]) {
        let (size, channels, count) = (self.output(), self.attending.width, self.places.len());
        let samples = windows.par_chunks_exact_mut(size);
        let samples = samples.zip(maps.par_chunks_exact(size));
        samples.for_each(|(windows, map)| {
            for (to, &place) in windows.chunks_exact_mut(channels).zip(&self.places) {
                if self.channels_last {
                    to.copy_from_slice(&map[place * channels..][..channels]);
                    continue;
                }
                for (to, from) in to.iter_mut().zip(map[place..].iter().step_by(count)) {
                    *to = *from;
                }
            }
        });
    }

    /// The other way round.
    fn maps_of(&self, windows: &[f32], maps: &mut [f32]) {
        let (size, channels, count) = (self.output(), self.attending.width, self.places.len());
        let samples = maps.par_chunks_exact_mut(size);
        let samples = samples.zip(windows.par_chunks_exact(size));
        samples.for_each(|(map, windows)| {
            for (from, &place) in windows.chunks_exact(channels).zip(&self.places) {
                if self.channels_last {
                    map[place * channels..][..channels].copy_from_slice(from);
                    continue;
                }
                for (to, from) in map[place..].iter_mut().step_by(count).zip(from) {
                    *to = *from;
                }
            }
        });
    }

    /// What is added to the scores in each head, for the four kinds of windows one behind the other.
    fn biases(&self, table: &[f32]) -> Vec<f32> {
        let heads = self.attending.heads;
        let of_kind = self.lowered.iter().flat_map(|lowered| {
            (0..heads).flat_map(move |head| {
                let pairs = self.distances.iter().zip(lowered);
                pairs.map(move |(distance, lowered)| table[distance * heads + head] + lowered)
            })
        });
        of_kind.collect()
    }

    /// The part of them that one of the windows of a batch has.
    fn of_window<'b>(&self, biases: &'b [f32], window: usize) -> &'b [f32] {
        let size = biases.len() / self.lowered.len();
        &biases[self.last[window % self.last.len()] * size..][..size]
    }
}

impl Operation for Within {
    fn output(&self) -> usize {
        self.places.len() * self.attending.width
    }

    fn remembered(&self, samples: usize) -> usize {
        self.attending.remembers(samples * self.last.len())
    }

    fn channels_last(&self) -> Option<Turned> {
        Turned::either(Self {
            channels_last: true,
            ..self.clone()
        })
    }

    fn forward(&self, pass: Forward<'_>) {
        let (weights, buffers) = (&pass.weights[0], pass.buffers);
        let biases = self.biases(weights.of(TABLE));
        let size = pass.samples * self.output();
        let (mut inputs, mut outputs) = (buffers.take(size), buffers.take(size));
        self.windows_of(pass.inputs[0], &mut inputs);
        let of_window = |window: usize| self.of_window(&biases, window);
        self.attending.forward_all(
            buffers,
            weights,
            of_window,
            &inputs,
            &mut outputs,
            pass.memory,
        );
        self.maps_of(&outputs, pass.output);
    }

    fn backward(&self, pass: Backward<'_>) {
        let (weights, buffers) = (&pass.weights[0], pass.buffers);
        let biases = self.biases(weights.of(TABLE));
        let size = pass.samples * self.output();
        let (mut inputs, mut outer) = (buffers.take(size), buffers.take(size));
        self.windows_of(pass.inputs[0], &mut inputs);
        self.windows_of(pass.output_gradient, &mut outer);
        let input_gradient = match pass.input_gradients {
            [Some(gradient)] => Some(&mut **gradient),
            _ => None,
        };
        let mut inner = buffers.take(if input_gradient.is_some() { size } else { 0 });
        let sequences = Sequences {
            count: pass.samples * self.last.len(),
            inputs: &inputs,
            output_gradient: &outer,
            input_gradient: &mut inner,
            memory: pass.memory,
        };
        let of_window = |window: usize| self.of_window(&biases, window);
        let (heads, pairs) = (self.attending.heads, self.distances.len());
        let mut of_pairs = vec![0.0; heads * pairs];
        let mut table: &mut [f32] = &mut [];
        let gradients = pass.parameter_gradients.map(|mut gradients| {
            table = gradients.take(TABLE);
            let mut arrays = ARRAYS.map(|name| gradients.take(name));
            // The layer has a table instead of the last one.
            arrays[4] = &mut of_pairs;
            arrays
        });
        self.attending
            .backward_all(buffers, weights, of_window, sequences, gradients);
        if !table.is_empty() {
            table.fill(0.0);
            for (head, of_pairs) in of_pairs.chunks_exact(pairs).enumerate() {
                for (gradient, distance) in of_pairs.iter().zip(&self.distances) {
                    table[distance * heads + head] += gradient;
                }
            }
        }
        if let Some(gradient) = input_gradient {
            self.maps_of(&inner, gradient);
        }
    }
}
