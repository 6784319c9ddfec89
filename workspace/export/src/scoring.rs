//! The layers of a fitted classifier as nodes, and what becomes of scores that were calibrated.

use topwork_measure::Scores;
use topwork_onnx::Element;
use topwork_scoring::{Layer, Metric, ScoringLayers, Votes};

use crate::{
    graph::{Builder, Op, Setting},
    reduce::{row_sums, unit_length},
    trees,
};

/// Stored rows beyond the neighbours that vote among which these are looked for, since products of single precision may put a
/// few in the wrong order.
const SPARE: usize = 16;

/// The least probability that has a logarithm here: the machine epsilon of the scores.
const LEAST: f32 = f32::EPSILON;

/// Writes the layers for rows of features; gives the tensor of scores.
pub fn write(builder: &mut Builder, layers: &ScoringLayers, mut x: String) -> String {
    let mut width = layers.features();
    let mut all = layers.layers().iter().peekable();
    while let Some(layer) = all.next() {
        let differences = matches!(all.peek(), Some(Layer::Softmax | Layer::LogSoftmax));
        x = one(builder, layer, &x, (width, differences));
        width = layer.outputs(width);
    }
    x
}

/// One layer for rows of so many numbers; `differences` where only those between its outputs count.
fn one(
    builder: &mut Builder,
    layer: &Layer,
    x: &str,
    (width, differences): (usize, bool),
) -> String {
    match layer {
        Layer::Scale { shift, factor } => {
            let shift = builder.floats("shift", &[width], shift);
            let moved = builder.binary("Sub", "moved", x, &shift);
            if factor.iter().all(|factor| *factor == 1.0) {
                return moved;
            }
            let factor = builder.floats("factor", &[width], factor);
            builder.binary("Mul", "scaled", &moved, &factor)
        }
        Layer::UnitLength => unit_length(builder, x, width),
        Layer::Linear { weight, bias } => {
            let weight = builder.floats("weight", &[bias.len(), width], weight);
            let bias = builder.floats("bias", &[bias.len()], bias);
            let transposed = [("transB", Setting::Int(1))];
            builder.node(Op("Gemm", 7), "linear", &[x, &weight, &bias], &transposed)
        }
        Layer::Distances {
            metric,
            rows,
            precision,
            bias,
        } => {
            let count = bias.len();
            let each = builder.reshape("each", x, &[0, 1, width as i64]);
            let stored = builder.floats("rows", &[count, width], rows);
            let apart = builder.binary("Sub", "apart", &each, &stored);
            let mut terms = builder.binary("Mul", "squares", &apart, &apart);
            if let Some(precision) = precision {
                let precision = builder.floats("precision", &[count, width], precision);
                terms = builder.binary("Mul", "weighted", &terms, &precision);
            }
            // What is far from all rows has sums beside which their differences are lost in rounding: they are taken first.
            if differences && *metric == Metric::Euclidean {
                let first = builder.integers("first", &[1], &[0]);
                let along = [("axis", Setting::Int(1))];
                let first = builder.node(Op("Gather", 1), "first", &[&terms, &first], &along);
                terms = builder.binary("Sub", "differences", &terms, &first);
            }
            let halves = builder.floats("halves", &[width, 1], &vec![-0.5; width]);
            let sums = builder.node(Op("MatMul", 1), "sums", &[&terms, &halves], &[]);
            let mut sums = builder.reshape("distances", &sums, &[0, count as i64]);
            if *metric == Metric::Cosine {
                let without = without_direction(builder, x, width);
                let without = match zeros(rows, width) {
                    None => without,
                    Some(zeros) => {
                        let zeros = builder.floats("zero-rows", &[count], &zeros);
                        let nothing = builder.floats("nothing", &[1], &[0.0]);
                        let stored = builder.node(
                            Op("Greater", 7),
                            "no-direction",
                            &[&zeros, &nothing],
                            &[],
                        );
                        builder.binary("Or", "no-direction", &without, &stored)
                    }
                };
                let farthest = builder.floats("farthest", &[1], &[-1.0]);
                sums = builder.node(
                    Op("Where", 9),
                    "distances",
                    &[&without, &farthest, &sums],
                    &[],
                );
            }
            if bias.iter().all(|bias| *bias == 0.0) {
                return sums;
            }
            let bias = builder.floats("bias", &[count], bias);
            builder.binary("Add", "biased", &sums, &bias)
        }
        Layer::Neighbours { .. } => neighbours(builder, layer, x, width),
        Layer::Trees(forest) => trees::write(builder, forest, x),
        Layer::Softmax => softmax(builder, "Softmax", x),
        Layer::LogSoftmax => softmax(builder, "LogSoftmax", x),
    }
}

/// Over rows; older operator sets, which take all axes behind the one named together, mean the same by it.
fn softmax(builder: &mut Builder, op: &'static str, x: &str) -> String {
    builder.node(Op(op, 1), "softmax", &[x], &[("axis", Setting::Int(1))])
}

/// Which rows are 0 all over, as numbers; none if no row is.
fn zeros(rows: &[f32], width: usize) -> Option<Vec<f32>> {
    let rows = rows.chunks_exact(width);
    let zeros: Vec<f32> = rows
        .map(|row| f32::from(u8::from(row.iter().all(|x| *x == 0.0))))
        .collect();
    zeros.contains(&1.0).then_some(zeros)
}

/// Whether each row of `x` is 0 all over, one column.
fn without_direction(builder: &mut Builder, x: &str, width: usize) -> String {
    let squares = builder.binary("Mul", "squares", x, x);
    let sum = row_sums(builder, &squares, width);
    let nothing = builder.floats("nothing", &[1], &[0.0]);
    builder.node(Op("Equal", 11), "no-direction", &[&sum, &nothing], &[])
}

/// A product finds somewhat more rows than are wanted; of these the distances are computed from differences, which lose
/// fewer digits.
fn neighbours(builder: &mut Builder, layer: &Layer, x: &str, width: usize) -> String {
    let Layer::Neighbours {
        k,
        metric,
        weights,
        rows,
        labels,
        classes,
    } = layer
    else {
        return x.to_owned();
    };
    let count = labels.len();
    let k = (*k).min(count);
    let wanted = (k + SPARE).min(count);
    let stored = builder.floats("rows", &[count, width], rows);
    let transposed = builder.node(
        Op("Transpose", 1),
        "columns",
        &[&stored],
        &[("perm", Setting::Ints(&[1, 0]))],
    );
    let mut nearness = builder.node(Op("MatMul", 1), "nearness", &[x, &transposed], &[]);
    if *metric == Metric::Euclidean {
        let halves: Vec<f32> = (rows.chunks_exact(width))
            .map(|row| (0.5 * row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>()) as f32)
            .collect();
        let halves = builder.floats("halves", &[count], &halves);
        nearness = builder.binary("Sub", "nearness", &nearness, &halves);
    }
    let [_, candidates] = top(builder, "candidates", &nearness, wanted, 1);
    let by_rows = [("axis", Setting::Int(0))];
    let near = builder.node(Op("Gather", 1), "near", &[&stored, &candidates], &by_rows);
    let each = builder.reshape("each", x, &[0, 1, width as i64]);
    let apart = builder.binary("Sub", "apart", &each, &near);
    let squares = builder.binary("Mul", "squares", &apart, &apart);
    let sums = row_sums(builder, &squares, width);
    let mut squares = builder.reshape("distances", &sums, &[0, wanted as i64]);
    if *metric == Metric::Cosine {
        let mut without = without_direction(builder, x, width);
        if let Some(zeros) = zeros(rows, width) {
            let zeros = builder.floats("zero-rows", &[count], &zeros);
            let zeros = builder.node(
                Op("Gather", 1),
                "zero-rows",
                &[&zeros, &candidates],
                &by_rows,
            );
            let nothing = builder.floats("nothing", &[1], &[0.0]);
            let stored = builder.node(Op("Greater", 7), "no-direction", &[&zeros, &nothing], &[]);
            without = builder.binary("Or", "no-direction", &without, &stored);
        }
        let farthest = builder.floats("farthest", &[1], &[2.0]);
        squares = builder.node(
            Op("Where", 9),
            "distances",
            &[&without, &farthest, &squares],
            &[],
        );
    }
    let [distances, places] = top(builder, "nearest", &squares, k, 0);
    let along = [("axis", Setting::Int(1))];
    let voters = builder.node(
        Op("GatherElements", 11),
        "voters",
        &[&candidates, &places],
        &along,
    );
    let labels: Vec<i64> = labels.iter().map(|label| i64::from(*label)).collect();
    let labels = builder.integers("labels", &[count], &labels);
    let labels = builder.node(Op("Gather", 1), "label", &[&labels, &voters], &by_rows);
    let labels = builder.reshape("labels-of-voters", &labels, &[0, k as i64, 1]);
    let numbers: Vec<i64> = (0..*classes as i64).collect();
    let numbers = builder.integers("classes", &[*classes], &numbers);
    let votes = builder.binary("Equal", "votes", &labels, &numbers);
    let votes = to_floats(builder, &votes);
    if *weights == Votes::Uniform {
        return mean(builder, &votes, k, *classes);
    }
    if let Votes::Exponential { temperature } = weights {
        return exponential(
            builder,
            (&distances, &votes),
            (*metric, *temperature),
            (k, *classes),
        );
    }
    // Nearest first: where that one is at distance 0, those at distance 0 count alone.
    let nothing = builder.floats("nothing", &[1], &[0.0]);
    let same = builder.node(Op("Equal", 11), "same", &[&distances, &nothing], &[]);
    let first = builder.integers("first", &[1], &[0]);
    let nearest = builder.node(
        Op("Gather", 1),
        "first-distance",
        &[&distances, &first],
        &along,
    );
    let any = builder.node(Op("Equal", 11), "any-same", &[&nearest, &nothing], &[]);
    let same = to_floats(builder, &same);
    let roots = match metric {
        Metric::Euclidean => builder.node(Op("Sqrt", 6), "roots", &[&distances], &[]),
        // The half of the square is the distance; twice as much weighs the same.
        Metric::Cosine => distances,
    };
    let one = builder.floats("one", &[1], &[1.0]);
    let inverse = builder.binary("Div", "inverse", &one, &roots);
    let counts = builder.node(Op("Where", 9), "counts", &[&any, &same, &inverse], &[]);
    let all = row_sums(builder, &counts, k);
    let counts = builder.reshape("counts-of-voters", &counts, &[0, 1, k as i64]);
    let votes = builder.node(Op("MatMul", 1), "weighted-votes", &[&counts, &votes], &[]);
    let votes = builder.reshape("sums", &votes, &[0, *classes as i64]);
    builder.binary("Div", "shares", &votes, &all)
}

/// The shares of votes that count exp(−distance / temperature), of the squares of distances: their softmax.
fn exponential(
    builder: &mut Builder,
    (squares, votes): (&str, &str),
    (metric, temperature): (Metric, f32),
    (k, classes): (usize, usize),
) -> String {
    let (distances, per) = match metric {
        Metric::Euclidean => (
            builder.node(Op("Sqrt", 6), "roots", &[squares], &[]),
            -1.0 / temperature,
        ),
        // The distance is half of the square.
        Metric::Cosine => (squares.to_owned(), -0.5 / temperature),
    };
    let per = builder.floats("per-temperature", &[1], &[per]);
    let exponents = builder.binary("Mul", "exponents", &distances, &per);
    let counts = softmax(builder, "Softmax", &exponents);
    let counts = builder.reshape("counts-of-voters", &counts, &[0, 1, k as i64]);
    let votes = builder.node(Op("MatMul", 1), "weighted-votes", &[&counts, votes], &[]);
    builder.reshape("shares", &votes, &[0, classes as i64])
}

/// The `count` largest (1) or smallest (0) numbers of every row and their places, in order; of equals the earlier.
fn top(builder: &mut Builder, name: &str, x: &str, count: usize, largest: i64) -> [String; 2] {
    let count = builder.integers(&format!("{name}.count"), &[1], &[count as i64]);
    let settings = [
        ("axis", Setting::Int(1)),
        ("largest", Setting::Int(largest)),
    ];
    builder.nodes(Op("TopK", 11), name, &[x, &count], &settings)
}

fn to_floats(builder: &mut Builder, x: &str) -> String {
    let to = Setting::Int(Element::Float32 as i64);
    builder.node(Op("Cast", 6), "numbers", &[x], &[("to", to)])
}

/// The mean over the middle axis: N × count × outputs becomes N × outputs.
pub fn mean(builder: &mut Builder, x: &str, count: usize, outputs: usize) -> String {
    let ones = builder.floats("ones", &[1, count], &vec![1.0; count]);
    let sums = builder.node(Op("MatMul", 1), "sums", &[&ones, x], &[]);
    let sums = builder.reshape("sum", &sums, &[0, outputs as i64]);
    let count = builder.floats("count", &[1], &[count as f32]);
    builder.binary("Div", "mean", &sums, &count)
}

/// Scores brought to a temperature: logits (of probabilities their logarithms), less the greatest of each row, divided.
pub fn calibrated(
    builder: &mut Builder,
    x: &str,
    are: Scores,
    temperature: f64,
    classes: usize,
) -> String {
    let logits = match are {
        Scores::Probabilities => {
            let least = builder.floats("least", &[1], &[LEAST]);
            let some = builder.node(Op("Max", 8), "some", &[x, &least], &[]);
            builder.node(Op("Log", 6), "logits", &[&some], &[])
        }
        _ => x.to_owned(),
    };
    // The greatest by a pool, whose form no operator set has changed, unlike that of reductions.
    let plane = builder.reshape("plane", &logits, &[0, 1, classes as i64, 1]);
    let greatest = builder.node(Op("GlobalMaxPool", 1), "greatest", &[&plane], &[]);
    let greatest = builder.reshape("greatest", &greatest, &[0, 1]);
    let less = builder.binary("Sub", "less", &logits, &greatest);
    let temperature = builder.floats("temperature", &[1], &[temperature as f32]);
    let divided = builder.binary("Div", "divided", &less, &temperature);
    let lowest = builder.floats("lowest", &[1], &[f32::MIN]);
    builder.node(Op("Max", 8), "calibrated", &[&divided, &lowest], &[])
}
