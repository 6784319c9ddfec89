//! `topwork show model.onnx`: where a model file can be cut.

use std::path::Path;

use serde_json::{Value, json};
use topwork_report::{Align, thousands};
use topwork_schema::{Description, Draft, LayerEntry, UseKind, apply_overrides};

use super::{print_json, shape};
use crate::{
    arguments::ShowArguments,
    experiment::{ask, request},
    failure::{Failure, WRONG_PLUGIN, WRONG_USE},
    folders::Folders,
    output::{self, print},
};

/// A model with no more tensors than this is shown whole.
const SHORT: usize = 40;

/// Of a longer one these many last tensors are shown, beside the ends of its stages.
const LAST: usize = 10;

/// Whether the file is a model and not an experiment.
pub fn is_model(file: &Path) -> bool {
    (file.extension()).is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
}

/// Shows the tensors that the model can be cut at. A child process looks at it, with the plugin that would run it.
pub fn show(arguments: &ShowArguments) -> Result<u8, Failure> {
    let file = &arguments.file.file;
    let fail = |reason: String| Failure::new(WRONG_USE, reason);
    let path = std::path::absolute(file)
        .map_err(|error| fail(format!("cannot find `{}`: {error}", file.display())))?;
    let Some(path) = path.to_str() else {
        return Err(fail(format!("`{}` is not UTF-8", file.display())));
    };
    // As an experiment would name it, so that parameters are read as they are there.
    let sets: Vec<(String, String)> = [("file".to_owned(), quoted(path))]
        .iter()
        .chain(&arguments.file.sets)
        .map(|(path, value)| (format!("backbone.{path}"), value.clone()))
        .collect();
    let text = apply_overrides("[backbone]\nuse = \"onnx\"\n", &[], &sets)
        .map_err(|error| fail(error.to_string()))?;
    let mut uses = Draft::read(path, &text, Path::new(".")).uses();
    uses.retain(|of| of.kind == UseKind::Backbone);
    let folders = Folders::find(&arguments.file.plugin_dir);
    let answer = ask(&request(&folders, uses, Path::new(".")))?;
    let Some(described) = answer.catalog.described.into_iter().next() else {
        return Err(Failure::new(WRONG_PLUGIN, "no plugin offers `onnx`")
            .hint("`topwork plugins` lists what is installed"));
    };
    let Description::Backbone { input, layers, .. } = described.outcome.map_err(Failure::from)?
    else {
        return Err(Failure::new(WRONG_PLUGIN, "`onnx` is no backbone"));
    };
    let ends = stage_ends(&layers);
    if arguments.json {
        let tensor = |(tensor, end): (&LayerEntry, &bool)| json!({ "name": tensor.name, "op": tensor.op, "shape": tensor.output, "end-of-stage": end });
        let tensors: Vec<Value> = layers.iter().zip(&ends).map(tensor).collect();
        return print_json(
            &json!({ "format": 1, "file": path, "input": input, "tensors": tensors }),
        );
    }
    print(&describe(file, &input, &layers, &ends, arguments.all))?;
    Ok(0)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn describe(
    file: &Path,
    input: &[usize],
    tensors: &[LayerEntry],
    ends: &[bool],
    all: bool,
) -> String {
    let shown = |index: &usize| {
        all || tensors.len() <= SHORT || ends[*index] || index + LAST >= tensors.len()
    };
    let rows: Vec<Vec<String>> = (0..tensors.len())
        .filter(shown)
        .map(|index| {
            let LayerEntry {
                name, op, output, ..
            } = &tensors[index];
            vec![
                (index + 1).to_string(),
                name.clone(),
                op.clone(),
                shape(output),
                thousands(output.iter().product::<usize>() as u64),
                if ends[index] { "end of a stage" } else { "" }.to_owned(),
            ]
        })
        .collect();
    let columns = [
        ("", Align::Right),
        ("tensor", Align::Left),
        ("op", Align::Left),
        ("shape", Align::Left),
        ("features", Align::Right),
        ("", Align::Left),
    ];
    let mut text = format!("{}: input {}\n", file.display(), shape(input));
    let hidden = tensors.len() - rows.len();
    text.push_str(&output::table(&columns, rows));
    text.push_str(&match hidden {
        0 => format!("tensors to cut at: {}\n", tensors.len()),
        _ => format!(
            "tensors to cut at: {}, {hidden} of them not shown: --all shows them\n",
            tensors.len()
        ),
    });
    text
}

/// Whether a map is the last with its height and width before they change. What is squeezed to one position lies beside the
/// way (squeeze-and-excitation) and ends nothing, as for the cut rule `every-stage`.
fn stage_ends(tensors: &[LayerEntry]) -> Vec<bool> {
    let mut ends = vec![false; tensors.len()];
    let mut size = None;
    for (end, tensor) in ends.iter_mut().zip(tensors).rev() {
        if let [_, height, width] = tensor.output[..]
            && height * width > 1
        {
            *end = size != Some((height, width));
            size = Some((height, width));
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_end_where_maps_get_smaller() {
        let cases: [(&[&[usize]], &[usize]); 4] = [
            (
                &[
                    &[8, 4, 4],
                    &[8, 4, 4],
                    &[16, 2, 2],
                    &[16, 1, 1],
                    &[16],
                    &[10],
                ],
                &[1, 2],
            ),
            // Squeezed and excited: the small maps lie beside the way.
            (
                &[
                    &[8, 4, 4],
                    &[8, 1, 1],
                    &[8, 4, 4],
                    &[8, 2, 2],
                    &[8, 1, 1],
                    &[8, 2, 2],
                    &[8],
                ],
                &[2, 5],
            ),
            (&[&[8], &[4]], &[]),
            (&[&[8, 4, 4], &[8, 2, 2], &[8, 4, 4]], &[0, 1, 2]),
        ];
        for (shapes, expected) in cases {
            let tensors: Vec<LayerEntry> = (shapes.iter())
                .map(|shape| LayerEntry {
                    name: String::new(),
                    op: String::new(),
                    detail: String::new(),
                    output: shape.to_vec(),
                    parameters: 0,
                    multiply_adds: 0,
                })
                .collect();
            let ends = stage_ends(&tensors);
            let ends: Vec<usize> = (0..ends.len()).filter(|index| ends[*index]).collect();
            assert_eq!(ends, expected, "{shapes:?}");
        }
    }
}
