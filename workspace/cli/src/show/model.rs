//! `topwork show model.onnx`: where a model file can be cut.

use std::{fs::File, io::Read, path::Path};

use serde_json::{Value, json};
use topwork_measure::thousands;
use topwork_pages::Align;
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

/// Whether the file is a model and not an experiment: by its ending, or by its first bytes. A model begins with the version of
/// its format, a small number in the first field, as no text does.
pub fn is_model(file: &Path) -> bool {
    if (file.extension()).is_some_and(|extension| extension.eq_ignore_ascii_case("onnx")) {
        return true;
    }
    let mut beginning = [0; 2];
    let read = File::open(file).and_then(|mut file| file.read_exact(&mut beginning));
    read.is_ok() && matches!(beginning, [0x08, 1..=31])
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
    let text =
        apply_overrides(AS_AN_EXPERIMENT, &[], &sets).map_err(|error| fail(error.to_string()))?;
    let uses = Draft::read(path, &text, Path::new(".")).uses();
    let folders = Folders::find(&arguments.file.plugin_dir);
    let answer = ask(&request(&folders, uses, Path::new(".")))?;
    let (mut backbone, mut chosen) = (None, Vec::new());
    for described in answer
        .catalogs
        .into_iter()
        .flat_map(|catalog| catalog.described)
    {
        match (described.of.kind, described.outcome) {
            (UseKind::Backbone, outcome) => backbone = Some(outcome.map_err(Failure::from)?),
            // Without the rule, or where it finds no stages, none are marked.
            (_, Ok(Description::Cuts(cuts))) => chosen = cuts,
            _ => {}
        }
    }
    let Some(Description::Backbone {
        input,
        layers,
        cuts,
        extractor,
        opaque_because,
    }) = backbone
    else {
        return Err(
            Failure::new(WRONG_PLUGIN, "no plugin offers the backbone `onnx`")
                .hint("`topwork plugins` lists what is installed"),
        );
    };
    let is_network = extractor.as_ref().is_some_and(|given| given.network);
    let runtime = extractor.and_then(|extractor| extractor.runtime);
    let mut ends = vec![false; layers.len()];
    for cut in chosen {
        if let Some(end) = cut
            .layers
            .checked_sub(1)
            .and_then(|last| ends.get_mut(last))
        {
            *end = true;
        }
    }
    // A network can be cut where nothing runs past, by the names of modules and tensors; the first one is shown.
    let (layers, ends): (Vec<LayerEntry>, Vec<bool>) = (layers.into_iter().zip(ends).enumerate())
        .filter_map(|(place, (layer, end))| {
            let name = cuts
                .iter()
                .find(|cut| cut.layers == place + 1)?
                .name
                .clone();
            Some((LayerEntry { name, ..layer }, end))
        })
        .unzip();
    if arguments.json {
        let tensor = |(tensor, end): (&LayerEntry, &bool)| json!({ "name": tensor.name, "op": tensor.op, "shape": tensor.sizes(), "end-of-stage": end });
        let tensors: Vec<Value> = layers.iter().zip(&ends).map(tensor).collect();
        return print_json(
            &json!({ "format": 1, "file": path, "input": input, "runtime": runtime, "network": is_network, "opaque-because": opaque_because, "tensors": tensors }),
        );
    }
    let title = match runtime {
        _ if is_network => format!(
            "{}: input {}, a network of topwork with weights of its own\n",
            file.display(),
            shape(&input)
        ),
        Some(runtime) => format!(
            "{}: input {}, computed by {runtime}\n",
            file.display(),
            shape(&input)
        ),
        None => format!("{}: input {}\n", file.display(), shape(&input)),
    };
    let because = match opaque_because {
        Some(because) => format!("frozen: {because}\n"),
        None => String::new(),
    };
    print(&(title + &because + &table(&layers, &ends, arguments.all)))?;
    Ok(0)
}

/// What the plugin is asked, and the rule that tells the stages.
const AS_AN_EXPERIMENT: &str =
    "[backbone]\nuse = \"onnx\"\n[target]\ncut = { use = \"every-stage\" }\n";

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn table(tensors: &[LayerEntry], ends: &[bool], all: bool) -> String {
    let shown = |index: &usize| {
        all || tensors.len() <= SHORT || ends[*index] || index + LAST >= tensors.len()
    };
    let rows: Vec<Vec<String>> = (0..tensors.len())
        .filter(shown)
        .map(|index| {
            let tensor = &tensors[index];
            vec![
                (index + 1).to_string(),
                tensor.name.clone(),
                tensor.op.clone(),
                shape(tensor.sizes()),
                thousands(tensor.output.iter().product::<usize>() as u64),
                if ends[index] { "every-stage" } else { "" }.to_owned(),
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
    let hidden = tensors.len() - rows.len();
    let mut text = output::table(&columns, rows);
    text.push_str(&match hidden {
        0 => format!("tensors to cut at: {}\n", tensors.len()),
        _ => format!(
            "tensors to cut at: {}, {hidden} of them not shown: --all shows them\n",
            tensors.len()
        ),
    });
    text
}
