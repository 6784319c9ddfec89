//! Blueprint JSON, format 1, read by hand so that all mistakes are found in one go.

use serde_json::Value;

use super::{Blueprint, ChannelNormalise, CutPoint, INPUT, LayerSpec, WeightFiles};
use crate::layers::{self, LAYERS, LayerOp};
use crate::place::{Place, counted, label, quoted, whole};
use crate::problem::{BlueprintError, Problem};
use crate::shape::{Shape, by};

const FORMAT: u64 = 1;
// Blueprints come from plugins, so sizes are bounded here once: no later product of a few of them can
// overflow, and a slip of the keyboard does not end in a request for terabytes.
const LARGEST_SAMPLE: usize = 1 << 28;
const LARGEST_WEIGHT: u64 = 1 << 31;

pub(super) fn parse(json: &str) -> Result<Blueprint, BlueprintError> {
    let mut problems = Vec::new();
    match read_blueprint(json, &mut problems) {
        Some(blueprint) if problems.is_empty() => Ok(blueprint),
        _ => Err(BlueprintError::new(problems)),
    }
}

fn read_blueprint(json: &str, problems: &mut Vec<Problem>) -> Option<Blueprint> {
    let value: Value = match serde_json::from_str(json) {
        Ok(value) => value,
        Err(error) => {
            problems.push(Problem::new(format!("blueprint is not JSON: {error}")));
            return None;
        }
    };
    let mut place = Place::enter(&value, "blueprint".to_owned(), problems)?;
    place.check_keys(&["format", "input", "layers", "cuts", "weights"]);
    let expected = FORMAT.to_string();
    if let Some(format) = place.required("format", &expected)
        && *format != FORMAT
    {
        place.wrong("format", format, &expected);
    }
    let input = read_input(&mut place);
    let (names, layers) = read_layers(&mut place, input);
    let cuts = read_cuts(&mut place, names.as_deref());
    let weights = read_weight_files(&mut place);
    Some(Blueprint {
        input: input?,
        layers: layers?,
        cuts,
        weights: weights?,
    })
}

fn read_input(place: &mut Place) -> Option<Shape> {
    let expected = format!(
        "[features], [tokens, width] or [channels, height, width], each {}",
        counted(1)
    );
    let value = place.required("input", &expected)?;
    let numbers: Option<Vec<usize>> = value
        .as_array()
        .and_then(|numbers| numbers.iter().map(|number| whole(number, 1)).collect());
    let shape = match numbers.as_deref() {
        Some(&[features]) => Shape::features(features),
        Some(&[tokens, width]) => Shape::tokens(tokens, width),
        Some(&[channels, height, width]) => Shape::image(channels, height, width),
        _ => {
            place.wrong("input", value, &expected);
            return None;
        }
    };
    match check_size(shape) {
        Ok(()) => Some(shape),
        Err(problem) => {
            place.report(problem);
            None
        }
    }
}

/// The names of the layers, unless one is missing, and the layers with their shapes, unless something is
/// wrong with one. What stands behind a layer without a known output is checked for its own keys only.
fn read_layers(
    place: &mut Place,
    input: Option<Shape>,
) -> (Option<Vec<String>>, Option<Vec<LayerSpec>>) {
    let Some(values) = place.list("layers", "a list of one or more layers", true) else {
        return (None, None);
    };
    let mut names: Vec<Option<String>> = Vec::new();
    let mut layers = Vec::new();
    // Of the network's input and of every layer so far, as far as known.
    let mut shapes = vec![input];
    let mut used = vec![false];
    for (index, value) in values.iter().enumerate() {
        let label = label("layer", index, value);
        let Some(mut place) = Place::enter(value, label, place.problems) else {
            names.push(None);
            shapes.push(None);
            used.push(true);
            continue;
        };
        let name = place.text("name", "the name of the layer");
        if name.is_some() && names.contains(&name) {
            place.report(Problem::new("name is used by an earlier layer as well"));
        }
        if name.as_deref() == Some(INPUT) {
            place.report(Problem::new(format!(
                "name is `{INPUT}`, which means the network's own input, expected another one"
            )));
        }
        let inputs = read_inputs(&mut place, &names);
        for &input in inputs.iter().flatten() {
            used[input] = true;
        }
        let op = read_op(&mut place);
        let output = inputs.zip(op).and_then(|(inputs, op)| {
            let shapes: Option<Vec<Shape>> = inputs.iter().map(|&input| shapes[input]).collect();
            let shapes = shapes?;
            let output = shape_of(&op, &shapes)
                .map_err(|problem| place.report(problem))
                .ok()?;
            layers.push(LayerSpec {
                name: name.clone()?,
                op,
                inputs,
                input: shapes[0],
                output,
            });
            Some(output)
        });
        names.push(name);
        shapes.push(output);
        used.push(false);
    }
    // The last layer gives the result. What leads nowhere is a mistake in the wiring, or would only cost
    // time; it can be told only where all inputs are known.
    let complete = layers.len() == values.len();
    for index in (0..values.len()).filter(|&index| complete && !used[index + 1]) {
        if index + 1 < values.len() {
            let label = label("layer", index, &values[index]);
            let problem = Problem::new("no layer behind it uses its output");
            place.problems.push(problem.at(&label));
        }
    }
    (names.into_iter().collect(), complete.then_some(layers))
}

/// Where the inputs of a layer come from; the layer before it, where it does not say.
fn read_inputs(place: &mut Place, earlier: &[Option<String>]) -> Option<Vec<usize>> {
    if !place.object.contains_key("inputs") {
        return Some(vec![earlier.len()]);
    }
    let expected = format!("a list of names of earlier layers or `{INPUT}`");
    let inputs = place.texts("inputs", &expected)?;
    let mut numbers = Vec::new();
    let mut known: Vec<&str> = vec![INPUT];
    known.extend(earlier.iter().flatten().map(String::as_str));
    for input in &inputs {
        let layer = earlier
            .iter()
            .position(|name| name.as_deref() == Some(input));
        match layer {
            Some(layer) => numbers.push(layer + 1),
            None if input == INPUT => numbers.push(0),
            None => {
                let problem = Problem::new(format!(
                    "`inputs` names `{input}`, expected earlier layers or `{INPUT}`"
                ));
                place.report(problem.nearest(input, known.iter().copied()));
            }
        }
    }
    (numbers.len() == inputs.len()).then_some(numbers)
}

fn read_op(place: &mut Place) -> Option<LayerOp> {
    let names: Vec<&str> = layers::names().collect();
    let expected = quoted(&names, "or");
    let op = place.text("op", &expected)?;
    let Some(kind) = LAYERS.iter().find(|kind| kind.name == op) else {
        let problem = Problem::new(format!("unknown op `{op}`, expected {expected}"));
        place.report(problem.nearest(&op, names));
        return None;
    };
    let layer = (kind.read)(place);
    place.check_keys(&[&["name", "op", "inputs"], kind.keys].concat());
    layer
}

/// `"weights": {"ignore": […], "rename": [[…, …], …], "normalise": {…}}`: how files with weights may look.
fn read_weight_files(place: &mut Place) -> Option<WeightFiles> {
    let Some(value) = place.object.get("weights") else {
        return Some(WeightFiles::default());
    };
    let mut place = Place::enter(value, "weights".to_owned(), place.problems)?;
    place.check_keys(&["ignore", "rename", "normalise"]);
    let ignore = place.texts(
        "ignore",
        "a list of names, in which `*` stands for anything",
    );
    let rename = read_rename(&mut place);
    Some(WeightFiles {
        ignore: ignore?,
        rename: rename?,
        normalise: read_normalise(&mut place),
    })
}

/// `"normalise": {"mean": […], "std": […]}`, a number for each channel.
fn read_normalise(place: &mut Place) -> Option<ChannelNormalise> {
    let value = place.object.get("normalise")?;
    let mut place = Place::enter(value, "normalise".to_owned(), place.problems)?;
    place.check_keys(&["mean", "std"]);
    let mut numbers = |key: &str, expected: &str, fits: fn(f64) -> bool| {
        let value = place.required(key, expected)?;
        let numbers: Option<Vec<f64>> = value
            .as_array()
            .and_then(|numbers| numbers.iter().map(Value::as_f64).collect());
        let numbers = numbers.filter(|numbers| numbers.iter().all(|number| fits(*number)));
        if numbers.is_none() {
            place.wrong(key, value, expected);
        }
        numbers
    };
    let mean = numbers(
        "mean",
        "a list of numbers, one for each channel",
        f64::is_finite,
    );
    let std = numbers(
        "std",
        "a list of numbers above 0, one for each channel",
        |std| std.is_finite() && std > 0.0,
    );
    let (mean, std) = (mean?, std?);
    if mean.len() != std.len() {
        place.report(Problem::new(format!(
            "`std` has {} numbers, expected {}, as many as `mean`",
            std.len(),
            mean.len()
        )));
    }
    Some(ChannelNormalise { mean, std })
}

fn read_rename(place: &mut Place) -> Option<Vec<[String; 2]>> {
    let Some(value) = place.object.get("rename") else {
        return Some(Vec::new());
    };
    let pair = |value: &Value| match value.as_array().map(Vec::as_slice) {
        Some([Value::String(theirs), Value::String(ours)])
            if theirs.matches('*').count() == ours.matches('*').count() =>
        {
            Some([theirs.clone(), ours.clone()])
        }
        _ => None,
    };
    let expected = "a list of [name in files, name here], with as many `*` in both";
    let Some(values) = value.as_array() else {
        place.wrong("rename", value, expected);
        return None;
    };
    let pairs: Vec<Option<[String; 2]>> = values.iter().map(pair).collect();
    for (value, _) in (values.iter().zip(&pairs)).filter(|(_, pair)| pair.is_none()) {
        place.wrong("rename", value, expected);
    }
    pairs.into_iter().collect()
}

/// The output shape of a layer that is neither impossible nor beyond all measure.
fn shape_of(op: &LayerOp, inputs: &[Shape]) -> Result<Shape, Problem> {
    let output = op.output(inputs)?;
    check_size(output)?;
    for array in op.layer().arrays(inputs[0]) {
        let mut factors = array.shape.iter().map(|&factor| factor as u64);
        let elements = factors.try_fold(1u64, |product, factor| product.checked_mul(factor));
        if elements.is_none_or(|elements| elements > LARGEST_WEIGHT) {
            return Err(Problem::new(format!(
                "a weight of {} is too large, expected {LARGEST_WEIGHT} values at most",
                by(&array.shape)
            )));
        }
    }
    Ok(output)
}

fn check_size(shape: Shape) -> Result<(), Problem> {
    match shape.checked_elements() {
        Some(elements) if elements <= LARGEST_SAMPLE => Ok(()),
        _ => Err(Problem::new(format!(
            "a sample of {} is too large, expected {LARGEST_SAMPLE} values at most",
            by(shape.dims())
        ))),
    }
}

fn read_cuts(place: &mut Place, layers: Option<&[String]>) -> Vec<CutPoint> {
    let values = place
        .list("cuts", "a list of cut points", false)
        .unwrap_or(&[]);
    let mut cuts: Vec<CutPoint> = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let label = label("cut", index, value);
        let Some(mut place) = Place::enter(value, label, place.problems) else {
            continue;
        };
        let name = place.text("name", "the name of the cut point");
        let after = place.text("after", "the name of a layer");
        place.check_keys(&["name", "after"]);
        let (Some(name), Some(after)) = (name, after) else {
            continue;
        };
        if cuts.iter().any(|cut| cut.name == name) {
            place.report(Problem::new("name is used by an earlier cut point as well"));
        }
        // Without all names there is nothing to compare with, and what is missing has been told already.
        if let Some(layers) = layers
            && !layers.contains(&after)
        {
            let names: Vec<&str> = layers.iter().map(String::as_str).collect();
            place.report(
                Problem::new(format!(
                    "there is no layer `{after}` to cut after, expected {}",
                    quoted(&names, "or")
                ))
                .nearest(&after, names),
            );
        }
        cuts.push(CutPoint { name, after });
    }
    cuts
}
