//! Blueprint JSON, format 1, read by hand so that all mistakes are found in one go.

use serde_json::{Map, Value};

use super::{Blueprint, BlueprintError, CutPoint, LayerOp, LayerSpec, Problem};
use crate::shape::{Shape, by};

const FORMAT: u64 = 1;
const OPS: [&str; 5] = ["conv2d", "max-pool2d", "relu", "flatten", "linear"];

// Blueprints come from plugins, so sizes are bounded here once: no later product of a few of them can
// overflow, and a slip of the keyboard does not end in a request for terabytes.
const LARGEST_NUMBER: u64 = 1 << 20;
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
    place.check_keys(&["format", "input", "layers", "cuts"]);
    let expected = FORMAT.to_string();
    if let Some(format) = place.required("format", &expected)
        && *format != FORMAT
    {
        place.wrong("format", format, &expected);
    }
    let input = read_input(&mut place);
    let (names, layers) = read_layers(&mut place, input);
    let cuts = read_cuts(&mut place, names.as_deref());
    Some(Blueprint {
        input: input?,
        layers: layers?,
        cuts,
    })
}

fn read_input(place: &mut Place) -> Option<Shape> {
    let expected = format!(
        "[features] or [channels, height, width], each {}",
        counted(1)
    );
    let value = place.required("input", &expected)?;
    let numbers: Option<Vec<usize>> = value
        .as_array()
        .and_then(|numbers| numbers.iter().map(|number| whole(number, 1)).collect());
    let shape = match numbers.as_deref() {
        Some(&[features]) => Shape::features(features),
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
    let mut shape = input;
    for (index, value) in values.iter().enumerate() {
        let label = label("layer", index, value);
        let Some(mut place) = Place::enter(value, label, place.problems) else {
            names.push(None);
            shape = None;
            continue;
        };
        let name = place.text("name", "the name of the layer");
        if name.is_some() && names.contains(&name) {
            place.report(Problem::new("name is used by an earlier layer as well"));
        }
        names.push(name.clone());
        let op = read_op(&mut place);
        shape = shape.zip(op).and_then(|(input, op)| {
            let output = shape_of(&op, input)
                .map_err(|problem| place.report(problem))
                .ok()?;
            layers.push(LayerSpec {
                name: name?,
                op,
                input,
                output,
            });
            Some(output)
        });
    }
    (
        names.into_iter().collect(),
        shape.is_some().then_some(layers),
    )
}

fn read_op(place: &mut Place) -> Option<LayerOp> {
    let expected = quoted(&OPS, "or");
    let op = place.text("op", &expected)?;
    let (keys, op): (&[&str], _) = match op.as_str() {
        "conv2d" => (
            &["name", "op", "filters", "kernel", "stride", "padding"],
            read_conv2d(place),
        ),
        "max-pool2d" => (&["name", "op", "kernel", "stride"], read_max_pool2d(place)),
        "relu" => (&["name", "op"], Some(LayerOp::Relu)),
        "flatten" => (&["name", "op"], Some(LayerOp::Flatten)),
        "linear" => (
            &["name", "op", "units"],
            place.number("units").map(|units| LayerOp::Linear { units }),
        ),
        unknown => {
            let problem = Problem::new(format!("unknown op `{unknown}`, expected {expected}"));
            place.report(problem.nearest(unknown, OPS));
            return None;
        }
    };
    place.check_keys(keys);
    op
}

fn read_conv2d(place: &mut Place) -> Option<LayerOp> {
    let filters = place.number("filters");
    let kernel = place.pair("kernel", 1, None);
    let stride = place.pair("stride", 1, Some([1, 1]));
    let padding = place.pair("padding", 0, Some([0, 0]));
    Some(LayerOp::Conv2d {
        filters: filters?,
        kernel: kernel?,
        stride: stride?,
        padding: padding?,
    })
}

fn read_max_pool2d(place: &mut Place) -> Option<LayerOp> {
    let kernel = place.pair("kernel", 1, None);
    let stride = place.pair("stride", 1, kernel.or(Some([1, 1])));
    Some(LayerOp::MaxPool2d {
        kernel: kernel?,
        stride: stride?,
    })
}

/// The output shape of a layer that is neither impossible nor beyond all measure.
fn shape_of(op: &LayerOp, input: Shape) -> Result<Shape, Problem> {
    let output = op.output(input)?;
    check_size(output)?;
    let weight = match op {
        LayerOp::Conv2d {
            filters, kernel, ..
        } => {
            let window = [input.dims()[0], kernel[0], kernel[1]];
            Some((*filters, Shape::image(window[0], window[1], window[2])))
        }
        LayerOp::Linear { units } => Some((*units, input)),
        LayerOp::MaxPool2d { .. } | LayerOp::Relu | LayerOp::Flatten => None,
    };
    if let Some((rows, row)) = weight {
        let elements = row.checked_elements().map(|row| row as u64 * rows as u64);
        if elements.is_none_or(|elements| elements > LARGEST_WEIGHT) {
            return Err(Problem::new(format!(
                "a weight of {rows}×{row} is too large, expected {LARGEST_WEIGHT} values at most"
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

/// An object being read, with the words that say where it stands.
struct Place<'json, 'problems> {
    object: &'json Map<String, Value>,
    label: String,
    problems: &'problems mut Vec<Problem>,
}

impl<'json, 'problems> Place<'json, 'problems> {
    fn enter(
        value: &'json Value,
        label: String,
        problems: &'problems mut Vec<Problem>,
    ) -> Option<Self> {
        match value {
            Value::Object(object) => Some(Self {
                object,
                label,
                problems,
            }),
            other => {
                let message = format!("is {}, expected an object", shortened(other));
                problems.push(Problem::new(format!("{label} {message}")));
                None
            }
        }
    }

    fn report(&mut self, problem: Problem) {
        self.problems.push(problem.at(&self.label));
    }

    fn wrong(&mut self, key: &str, found: &Value, expected: &str) {
        self.report(Problem::new(format!(
            "`{key}` is {}, expected {expected}",
            shortened(found)
        )));
    }

    fn check_keys(&mut self, known: &[&str]) {
        for key in self.object.keys() {
            if !known.contains(&key.as_str()) {
                let expected = quoted(known, "or");
                let problem = Problem::new(format!("unknown key `{key}`, expected {expected}"));
                self.report(problem.nearest(key, known.iter().copied()));
            }
        }
    }

    fn required(&mut self, key: &str, expected: &str) -> Option<&'json Value> {
        let value = self.object.get(key);
        if value.is_none() {
            self.report(Problem::new(format!(
                "`{key}` is missing, expected {expected}"
            )));
        }
        value
    }

    fn list(&mut self, key: &str, expected: &str, needed: bool) -> Option<&'json [Value]> {
        if !needed && !self.object.contains_key(key) {
            return None;
        }
        let value = self.required(key, expected)?;
        match value.as_array() {
            Some(list) if !(needed && list.is_empty()) => Some(list),
            _ => {
                self.wrong(key, value, expected);
                None
            }
        }
    }

    fn text(&mut self, key: &str, expected: &str) -> Option<String> {
        let value = self.required(key, expected)?;
        match value.as_str() {
            Some(text) if !text.is_empty() => Some(text.to_owned()),
            _ => {
                self.wrong(key, value, expected);
                None
            }
        }
    }

    fn number(&mut self, key: &str) -> Option<usize> {
        let expected = counted(1);
        let value = self.required(key, &expected)?;
        let number = whole(value, 1);
        if number.is_none() {
            self.wrong(key, value, &expected);
        }
        number
    }

    /// Height and width, each `least` or more; `default` where the key is absent.
    fn pair(&mut self, key: &str, least: u64, default: Option<[usize; 2]>) -> Option<[usize; 2]> {
        if default.is_some() && !self.object.contains_key(key) {
            return default;
        }
        let expected = format!("[height, width], each {}", counted(least));
        let value = self.required(key, &expected)?;
        if let Some([height, width]) = value.as_array().map(Vec::as_slice)
            && let (Some(height), Some(width)) = (whole(height, least), whole(width, least))
        {
            return Some([height, width]);
        }
        self.wrong(key, value, &expected);
        None
    }
}

fn counted(least: u64) -> String {
    format!("a whole number from {least} to {LARGEST_NUMBER}")
}

fn whole(value: &Value, least: u64) -> Option<usize> {
    let number = value.as_u64()?;
    let number = (least..=LARGEST_NUMBER)
        .contains(&number)
        .then_some(number)?;
    usize::try_from(number).ok()
}

/// "layer `conv1`", or "layer 3" while its name is unknown.
fn label(kind: &str, index: usize, value: &Value) -> String {
    match value.get("name").and_then(Value::as_str) {
        Some(name) if !name.is_empty() => format!("{kind} `{name}`"),
        _ => format!("{kind} {}", index + 1),
    }
}

fn quoted(choices: &[&str], joined_by: &str) -> String {
    let quoted: Vec<String> = choices.iter().map(|choice| format!("`{choice}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} {joined_by} {last}", most.join(", ")),
    }
}

/// A value as JSON, cut where it would fill the screen.
fn shortened(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
