//! `topwork new`: an experiment for a folder of images, commented, that runs as it is written.

mod images;
mod text;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use topwork_nearest::choices;
use topwork_schema::{Catalog, ComponentKind, Description, Use, UseKind};

use crate::{
    arguments::{FileArguments, NewExperimentArguments},
    experiment::{ask, request},
    failure::{Failure, WRONG_DATA, WRONG_USE},
    files,
    folders::{Folders, absolute},
    output::print,
    plan,
    settings::parameters,
    show::is_model,
};
use images::Layout;
use text::{Backbone, Measured, Network, Seen};

/// Datasets of so few images are measured in folds: a part of them would be too small to tell rows apart.
const FEW: u64 = 2000;

/// What reads folders of images.
const DATASET: &str = "image-folder";

/// Weights that `just fetch` leaves, the smallest network first.
const FETCHED: [&str; 3] = [
    "efficientnet-lite0",
    "efficientnet-lite1",
    "efficientnet-lite2",
];

pub fn new(arguments: &NewExperimentArguments) -> Result<u8, Failure> {
    let file = file(arguments)?;
    let layout = Layout::of(&arguments.folder)?;
    let folders = Folders::find(&arguments.plugin_dir);
    let backbone = backbone(arguments, &folders)?;
    let place = parent(&file);
    let dataset = dataset(&layout, &place);
    let named = |kind, component: &str, parameters: &Map<String, Value>| Use {
        kind,
        component: component.to_owned(),
        parameters: Value::Object(parameters.clone()),
    };
    let mut with_size = dataset.clone();
    with_size.insert("size".to_owned(), json!(text::SIZE));
    let uses = vec![
        named(UseKind::Dataset, DATASET, &with_size),
        named(
            UseKind::Backbone,
            &backbone.id,
            &backbone.parameters(&place),
        ),
    ];
    let answer = ask(&request(&folders, uses, &absolute(&place)))?;
    let catalog = answer.catalogs.first().cloned().unwrap_or_default();
    let data = described(&catalog, UseKind::Dataset, DATASET)?;
    let seen = seen(&layout, &catalog, data)?;
    let of_backbone = described(&catalog, UseKind::Backbone, &backbone.id)?;
    let network = network(of_backbone, &backbone.id)?;
    let name = arguments.name.clone().unwrap_or_else(|| stem(&file));
    let text = text::experiment(&name, &dataset, &seen, &backbone.told(&place), &network);
    files::replace(&file, text.as_bytes())?;
    print(&format!("written {}\n", file.display()))?;
    let checked = FileArguments {
        file: file.clone(),
        seeds: Vec::new(),
        sets: Vec::new(),
        plugin_dir: arguments.plugin_dir.clone(),
    };
    plan::tell_check(&checked)?;
    print(&format!(
        "\nnext:\n  topwork run {0}\n  topwork plan {0}     what a run would do\n",
        file.display()
    ))?;
    if backbone.weights.is_none() && backbone.file.is_none() {
        print(
            "\nno pretrained network was named: `--backbone model.onnx` takes one, and so do\n\
             `--backbone resnet --set depth=50 --weights FILE` (docs/weights.md) and `just fetch efficientnet-lite0`\n",
        )?;
    }
    Ok(0)
}

/// The file to write.
fn file(arguments: &NewExperimentArguments) -> Result<PathBuf, Failure> {
    let file = match &arguments.output {
        Some(file) => file.clone(),
        None => {
            let folder = absolute(&arguments.folder);
            let last = folder.file_name().map(|name| name.to_string_lossy());
            let name = arguments.name.clone();
            let name = name.or_else(|| last.map(|name| name.into_owned()));
            PathBuf::from(name.unwrap_or_else(|| "experiment".to_owned())).with_extension("toml")
        }
    };
    if file.exists() && !arguments.force {
        let message = format!("`{}` is there already", file.display());
        return Err(Failure::new(WRONG_USE, message)
            .hint("`--force` replaces it, `--output FILE` writes another file"));
    }
    Ok(file)
}

fn parent(file: &Path) -> PathBuf {
    let parent = file
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}

fn stem(file: &Path) -> String {
    let stem = file.file_stem();
    stem.map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}

/// The network that was named, else one whose weights were fetched, else one that has learnt nothing.
fn backbone(arguments: &NewExperimentArguments, folders: &Folders) -> Result<Backbone, Failure> {
    let mut sets = parameters(&arguments.sets);
    let named = arguments.backbone.as_deref();
    if let Some(file) = named.filter(|named| is_model(Path::new(named))) {
        if arguments.weights.is_some() {
            return Err(Failure::new(
                WRONG_USE,
                format!("`{file}` has weights of its own, found `--weights`"),
            ));
        }
        return Ok(Backbone {
            id: "onnx".to_owned(),
            file: Some(PathBuf::from(file)),
            weights: None,
            sets,
        });
    }
    if let Some(id) = named {
        return Ok(Backbone {
            id: id.to_owned(),
            file: None,
            weights: arguments.weights.clone(),
            sets,
        });
    }
    let fetched = folders.data.iter().flat_map(|data| {
        FETCHED
            .iter()
            .enumerate()
            .map(move |(variant, name)| (variant, data.join(format!("fetched/{name}.safetensors"))))
    });
    let fetched = fetched.filter(|(_, file)| file.is_file()).min();
    Ok(match (fetched, &arguments.weights) {
        (_, Some(_)) => {
            let message = "`--weights` are of a backbone that is not named";
            return Err(Failure::new(WRONG_USE, message)
                .hint("add `--backbone ID`: `topwork plugins list` shows which there are"));
        }
        (Some((variant, file)), None) => {
            if variant > 0 {
                sets.insert("variant".to_owned(), json!(variant));
            }
            Backbone {
                id: "efficientnet-lite".to_owned(),
                file: None,
                weights: Some(file),
                sets,
            }
        }
        (None, None) => {
            sets.insert("input".to_owned(), json!([3, text::SMALL, text::SMALL]));
            Backbone {
                id: "convnet".to_owned(),
                file: None,
                weights: None,
                sets,
            }
        }
    })
}

/// The parameters of the dataset, but for its size, with paths from the folder of the experiment.
fn dataset(layout: &Layout, place: &Path) -> Map<String, Value> {
    let path = |path: &Path| json!(text::relative(path, place));
    let parameters = match layout {
        Layout::Classes(folder) => vec![("folder", path(folder))],
        Layout::Splits { train, test, .. } => {
            vec![("train-folder", path(train)), ("test-folder", path(test))]
        }
    };
    parameters
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

fn described<'c>(
    catalog: &'c Catalog,
    kind: UseKind,
    wanted: &str,
) -> Result<&'c Description, Failure> {
    let found = catalog.described.iter().find(|one| one.of.kind == kind);
    match found.map(|found| &found.outcome) {
        Some(Ok(description)) => Ok(description),
        Some(Err(problem)) => Err(Failure::from(problem.clone())),
        None => Err(unknown(catalog, kind, wanted)),
    }
}

/// Nothing is said of a component that no plugin has.
fn unknown(catalog: &Catalog, kind: UseKind, wanted: &str) -> Failure {
    let (kinds, word): (&[ComponentKind], _) = match kind {
        UseKind::Backbone => (
            &[ComponentKind::Backbone, ComponentKind::Extractor],
            "backbone",
        ),
        _ => (&[ComponentKind::Dataset], "dataset"),
    };
    let known = catalog
        .components
        .iter()
        .filter(|one| kinds.contains(&one.kind));
    let failure = Failure::new(WRONG_USE, format!("no plugin has a {word} `{wanted}`"));
    let names: Vec<&str> = known.map(|one| one.id.as_str()).collect();
    match choices(wanted, &format!("{word}s"), names.iter().copied()) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// What a backbone says of itself, as far as it is written down.
fn network<'a>(description: &'a Description, id: &str) -> Result<Network<'a>, Failure> {
    // What makes scores of classes, as the engine and model files call it.
    const OF_CLASSES: [&str; 6] = ["linear", "softmax", "gemm", "matmul", "add", "logsoftmax"];
    let Description::Backbone {
        input,
        layers,
        cuts,
        extractor,
        ..
    } = description
    else {
        return Err(Failure::new(WRONG_USE, format!("`{id}` is no backbone")));
    };
    let op = |layers_kept: usize| {
        let last = layers.get(layers_kept.checked_sub(1)?)?;
        Some(last.op.to_lowercase())
    };
    let is_of_classes = |kept: usize| op(kept).is_some_and(|op| OF_CLASSES.contains(&op.as_str()));
    let mut from_behind = cuts.iter().rev();
    let before = from_behind.find(|cut| !is_of_classes(cut.layers));
    let cut = before.or(cuts.last()).map(|cut| cut.name.clone());
    Ok(Network {
        input,
        cut: cut.ok_or_else(|| Failure::new(WRONG_USE, format!("`{id}` has no cut points")))?,
        is_ours: extractor.as_ref().is_none_or(|given| given.network),
    })
}

/// What there is to learn from, and how it is measured.
fn seen(layout: &Layout, catalog: &Catalog, data: &Description) -> Result<Seen, Failure> {
    let Description::Dataset { classes, .. } = data else {
        return Err(Failure::new(
            WRONG_DATA,
            format!("`{DATASET}` is no dataset"),
        ));
    };
    let mut counts = vec![0_u64; classes.len()];
    for counted in catalog
        .counted
        .iter()
        .filter(|counted| counted.split == "train")
    {
        let of_split = counted.classes.as_ref();
        let of_split = of_split.map_err(|problem| Failure::from(problem.clone()))?;
        for (count, more) in counts.iter_mut().zip(of_split) {
            *count += more;
        }
    }
    let (taken, left_out): (Vec<_>, Vec<_>) = classes
        .iter()
        .cloned()
        .zip(counts)
        .partition(|(_, count)| *count >= 2 || matches!(layout, Layout::Splits { .. }));
    if taken.len() < 2 {
        let message = format!(
            "{} of {} classes have two images or more: one to learn from, one to be measured on",
            taken.len(),
            classes.len()
        );
        return Err(
            Failure::new(WRONG_DATA, message).hint("two classes of two images are the least")
        );
    }
    let total: u64 = taken.iter().map(|(_, count)| count).sum();
    let least = taken.iter().map(|(_, count)| *count).min().unwrap_or(2);
    let measured = match layout {
        Layout::Splits { .. } => Measured::OnTest,
        Layout::Classes(_) if total <= FEW => Measured::InFolds(least.min(5)),
        Layout::Classes(_) => Measured::OnFraction(0.2),
    };
    Ok(Seen {
        classes: taken,
        left_out: left_out.into_iter().map(|(class, _)| class).collect(),
        unused: match layout {
            Layout::Splits { unused, .. } => unused.clone(),
            Layout::Classes(_) => Vec::new(),
        },
        sizes: images::sizes(layout),
        measured,
    })
}
