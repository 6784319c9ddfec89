//! Cases about what a dataset knows of the files behind its samples: names, groups, and how a single file becomes a sample.

use super::dataset::{DATASET, read, splits};
use super::{advise, case, expect, joined, same};
use crate::subject::{Subject, Tried};
use crate::{Case, Outcome};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use topwork_host::{Dataset, DecodeError, Decoder, HostError};

/// Of a split's files, at most so many are decoded.
const MOST_DECODED: usize = 10;

pub const CASES: &[Case] = &[
    case!(
        "dataset-provenance",
        DATASET,
        "names and groups are those of every sample, of all splits or of none, and the same at every call and for another instance",
        provenance
    ),
    case!(
        beyond "dataset-provenance-beyond",
        DATASET,
        "the names of a split that does not exist are refused",
        provenance_beyond
    ),
    case!(
        "dataset-decoder-without-data",
        DATASET,
        "a decoder of files is made without the parameters that are paths, with samples of the same shape",
        without_data
    ),
    case!(
        "dataset-decoder-refuses",
        DATASET,
        "what is no file gives no sample but a reason, and the decoder can be used afterwards",
        refuses
    ),
    case!(
        "dataset-decoder-reads",
        DATASET,
        "a file of the dataset is decoded to its sample, to the bit, by several threads as by one",
        decodes_as_read
    ),
    case!(
        "dataset-images",
        DATASET,
        "the image behind a sample is the same for another instance and on several threads, and that of its file",
        images
    ),
];

fn provenance(subject: &Subject) -> Tried<Outcome> {
    let (first, second) = (subject.dataset()?, subject.dataset()?);
    type Texts = fn(&Dataset, &str) -> Result<Option<Vec<String>>, HostError>;
    let both: [(&str, Texts); 2] = [("names", Dataset::names), ("groups", Dataset::groups)];
    let mut offered = false;
    for (what, of) in both {
        let mut known = Vec::new();
        for split in &first.describe().splits {
            let tell = |dataset| of(dataset, &split.name).map_err(|e| subject.fault(&e));
            let texts = tell(&first)?;
            expect(texts == tell(&first)?, || {
                format!("the {what} of `{}` change from call to call", split.name)
            })?;
            expect(texts == tell(&second)?, || {
                format!("another instance has other {what} of `{}`", split.name)
            })?;
            if split.len > 0 {
                known.push(texts.is_some());
            }
        }
        offered |= known.contains(&true);
        expect(!(known.contains(&true) && known.contains(&false)), || {
            format!("it tells the {what} of some splits and not of others")
        })?;
    }
    if offered {
        Ok(Outcome::Ok)
    } else {
        Err(Outcome::Skipped(
            "it tells neither names nor groups".to_owned(),
        ))
    }
}

fn provenance_beyond(subject: &Subject) -> Tried<Outcome> {
    let splits = subject.dataset()?.describe().splits.len();
    let bare = subject.bare()?;
    let instance = subject.create_bare(&bare)?;
    for split in [splits, usize::MAX] {
        let Some((said, written)) = instance.names(split) else {
            return Err(Outcome::Skipped("it tells no names".to_owned()));
        };
        advise(!said.is_panic(), || {
            format!("split {split} ends in a panic")
        })?;
        advise(!said.is_ok() || written.is_empty(), || {
            format!("split {split} has names")
        })?;
    }
    Ok(Outcome::Ok)
}

fn decoder(subject: &Subject, parameters: &Map<String, Value>) -> Tried<Decoder> {
    match subject.decoder(&json!(parameters)) {
        Ok(Some(decoder)) => Ok(decoder),
        Ok(None) => Err(Outcome::Skipped("it decodes no files".to_owned())),
        Err(error) => Err(subject.fault(&error)),
    }
}

fn without_data(subject: &Subject) -> Tried<Outcome> {
    let mut parameters = subject.parameters();
    let made = decoder(subject, &parameters)?;
    let schema = &subject.component()?.schema;
    parameters.retain(|key, _| schema["properties"][key]["format"] != "path");
    let (with, without) = (made.shape(), decoder(subject, &parameters)?.shape());
    expect(with == without, || {
        format!("samples of shape {without:?} without the paths, {with:?} with them")
    })?;
    Ok(Outcome::Ok)
}

fn refuses(subject: &Subject) -> Tried<Outcome> {
    let decoder = decoder(subject, &subject.parameters())?;
    let mut sample = vec![0.0; decoder.shape().iter().product()];
    let folder = subject.library().parent().unwrap_or(Path::new("."));
    let nowhere = folder.join("there is\nno such file");
    for (what, path) in [("a folder", folder), ("a path to nothing", &nowhere)] {
        match decoder.decode(path, &mut sample) {
            Err(DecodeError::File { .. }) => {}
            Err(DecodeError::Plugin(error)) => return Err(subject.fault(&error)),
            Ok(()) => return Err(Outcome::Failed(format!("{what} becomes a sample"))),
        }
    }
    // Whether these bytes are a sample is not known here; they must not break anything.
    match decoder.decode(subject.library(), &mut sample) {
        Ok(()) | Err(DecodeError::File { .. }) => Ok(Outcome::Ok),
        Err(DecodeError::Plugin(error)) => Err(subject.fault(&error)),
    }
}

/// Where the file with this name may lie: in the folders that parameters name, and beside the files that they name.
fn found(parameters: &Map<String, Value>, name: &str) -> Option<PathBuf> {
    let texts = parameters.values().filter_map(Value::as_str).map(Path::new);
    let folders = texts.flat_map(|path| [Some(path), path.parent()]).flatten();
    let mut files = folders.map(|folder| folder.join(name));
    files.find(|path| path.is_file())
}

fn decodes_as_read(subject: &Subject) -> Tried<Outcome> {
    let decoder = &decoder(subject, &subject.parameters())?;
    let dataset = subject.dataset()?;
    let shape = dataset.describe().shape;
    expect(decoder.shape() == shape, || {
        let decoded = decoder.shape();
        format!("files become samples of shape {decoded:?}, the dataset's have {shape:?}")
    })?;
    let parameters = subject.parameters();
    let mut decoded = 0;
    for (split, indices) in splits(&dataset) {
        let names = dataset.names(&split).map_err(|e| subject.fault(&e))?;
        let names = names.unwrap_or_default();
        for &index in indices.iter().take(MOST_DECODED) {
            let path = names.get(index as usize);
            let Some(path) = path.and_then(|name| found(&parameters, name)) else {
                continue;
            };
            let expected = &read(subject, &dataset, &split, &[index])?;
            let check = || {
                let mut sample = vec![0.0; expected.len()];
                let result = decoder.decode(&path, &mut sample);
                result.map_err(|error| Outcome::Failed(error.to_string()))?;
                expect(same(&sample, expected), || {
                    format!(
                        "`{}` becomes another sample than {index} of `{split}`",
                        path.display()
                    )
                })
            };
            check()?;
            std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(check)).collect();
                threads.into_iter().try_for_each(joined)
            })?;
            decoded += 1;
        }
    }
    match decoded {
        0 => Err(Outcome::Skipped(
            "no file with the name of a sample lies where the parameters say".to_owned(),
        )),
        _ => Ok(Outcome::Ok),
    }
}

fn images(subject: &Subject) -> Tried<Outcome> {
    let (first, second) = (&subject.dataset()?, &subject.dataset()?);
    if !first.has_images() {
        return Err(Outcome::Skipped(
            "it hands out no images at their own size".to_owned(),
        ));
    }
    let parameters = subject.parameters();
    let decoder = subject.decoder(&json!(parameters));
    let decoder = decoder.map_err(|error| subject.fault(&error))?;
    let decoder = decoder.filter(Decoder::has_images);
    for (split, indices) in splits(first) {
        let names = first.names(&split).map_err(|e| subject.fault(&e))?;
        let names = names.unwrap_or_default();
        for &index in indices.iter().take(MOST_DECODED) {
            let image =
                |dataset: &Dataset| dataset.image(&split, index).map_err(|e| subject.fault(&e));
            let expected = &image(first)?;
            let again = || {
                // Each of them decodes it anew, as an instance keeps what it has handed out.
                let again = image(&subject.dataset()?)?;
                expect(again == *expected, || {
                    format!("another instance has another image behind sample {index} of `{split}`")
                })
            };
            again()?;
            std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| image(second))).collect();
                threads.into_iter().try_for_each(|thread| {
                    expect(joined(thread)? == *expected, || {
                        format!("sample {index} of `{split}` has another image on another thread")
                    })
                })
            })?;
            let path = names.get(index as usize);
            let path = path.and_then(|name| found(&parameters, name));
            if let (Some(decoder), Some(path)) = (&decoder, path) {
                let decoded = decoder.image(&path);
                let decoded = decoded.map_err(|error| Outcome::Failed(error.to_string()))?;
                expect(decoded == **expected, || {
                    let path = path.display();
                    format!("`{path}` holds another image than that of sample {index} of `{split}`")
                })?;
            }
        }
    }
    Ok(Outcome::Ok)
}
