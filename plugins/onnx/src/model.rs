//! A model that was opened: where it can be cut, and the networks up to the cuts that were last used.

use crate::Parameters;
use crate::graph::{Graph, Tensor};
use crate::image::{Layout, image_input, sample_shape};
use crate::runtime::{Lane, ModelFile, Network, Runtime, Trouble};
use crate::weights::WeightFile;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use topwork_sdk::{Error, Host};

/// Networks up to so many cuts stay in memory, each with its weights: an experiment with more cuts takes one after the other.
const KEPT: usize = 2;

/// A model that was opened.
pub struct Model {
    path: PathBuf,
    file: Vec<u8>,
    runtime: Runtime,
    layout: Layout,
    /// The shape of one sample: channels, height, width.
    pub sample: [usize; 3],
    /// Where it can be cut, in the order of the file.
    pub cuts: Vec<Cut>,
    /// Names the bytes of the model and the runtime.
    pub digest: String,
    /// The cuts used last, the latest at the end.
    ready: Mutex<Vec<Ready>>,
}

/// A tensor that can be cut at.
pub struct Cut {
    /// Its name.
    pub name: String,
    /// The shape of one sample's features: channels, height and width, or one number.
    pub shape: Vec<usize>,
    /// What computes it, such as `Conv`.
    pub operator: String,
}

/// The network up to a cut, with lanes that nobody uses at the moment.
struct Ready {
    cut: usize,
    network: Box<dyn Network>,
    idle: Vec<Box<dyn Lane>>,
}

impl Model {
    /// Reads the file and computes a blank image, which tells the shape of every tensor.
    pub fn open(parameters: &Parameters, host: Host) -> Result<Model, Error> {
        let path = parameters.file.clone();
        let shown = path.display().to_string();
        let file = std::fs::read(&path)
            .map_err(|error| Error::data(format!("cannot read `{shown}`: {error}")))?;
        let graph = read(&file, &shown)?;
        let image = image_input(&graph, &shown)?;
        let sample = sample_shape(image, parameters.layout, parameters.input, &shown)?;
        let tensors = graph.tensors_from(image.name);
        let tensors = wanted(tensors, parameters.cuts.as_deref(), &shown)?;
        let names: Vec<&str> = tensors.iter().map(|tensor| tensor.name).collect();
        let runtime = Runtime::find(parameters.runtime, host)?;
        let mut model = Model {
            digest: digest(&file, &graph, &path, runtime)?,
            path,
            file: Vec::new(),
            runtime,
            layout: parameters.layout,
            sample,
            cuts: Vec::new(),
            ready: Mutex::new(Vec::new()),
        };
        let shapes = model.shapes(&graph, &names)?;
        for (Tensor { name, operator }, shape) in tensors.iter().zip(shapes) {
            match shape.as_deref().and_then(features) {
                Some(shape) => model.cuts.push(Cut {
                    name: (*name).to_owned(),
                    shape,
                    operator: (*operator).to_owned(),
                }),
                None if parameters.cuts.is_some() => {
                    return Err(Error::parameters(format!(
                        "`{shown}` cannot be cut at \"{name}\": {}",
                        match shape {
                            None => "it does not hold float32 numbers".to_owned(),
                            Some(shape) =>
                                format!("its shape for one image is {shape:?}, expected 1 first"),
                        }
                    )));
                }
                None => {}
            }
        }
        if model.cuts.is_empty() {
            let message =
                format!("no tensor of `{shown}` holds one row of float32 numbers per image");
            return Err(Error::data(message));
        }
        model.file = file;
        Ok(model)
    }

    /// Fills `features` with those of every sample, one after the other.
    pub fn forward(
        &self,
        host: Host,
        cut: usize,
        samples: &[f32],
        features: &mut [f32],
    ) -> Result<(), Error> {
        let Cut { name, shape, .. } = &self.cuts[cut];
        let mut lane = self.take_lane(cut)?;
        let numbers = self.sample.iter().product();
        let mut image = Vec::new();
        let rows = features.chunks_exact_mut(shape.iter().product());
        for (sample, row) in samples.chunks_exact(numbers).zip(rows) {
            host.check_stop()?;
            let sample = match self.layout {
                Layout::Nchw => sample,
                Layout::Nhwc => channels_last(sample, self.sample[0], &mut image),
            };
            let mut length = None;
            let result = lane.run(sample, &mut |_, _, numbers| {
                length = Some(numbers.len());
                if numbers.len() == row.len() {
                    row.copy_from_slice(numbers);
                }
            });
            result.map_err(|trouble| self.failed(name, &trouble))?;
            if length != Some(row.len()) {
                let path = self.path.display();
                return Err(Error::failed(format!(
                    "`{path}` gives {} numbers at \"{name}\" for this image, but {} for a blank one",
                    length.unwrap_or(0),
                    row.len()
                )));
            }
            if let Some(number) = row.iter().find(|number| !number.is_finite()) {
                let path = self.path.display();
                return Err(
                    Error::failed(format!("`{path}` gives {number} at \"{name}\""))
                        .with_hint("is this the normalisation that the model was trained with?"),
                );
            }
        }
        let mut ready = self.ready();
        if let Some(place) = ready.iter_mut().find(|ready| ready.cut == cut) {
            place.idle.push(lane);
        }
        Ok(())
    }

    fn take_lane(&self, cut: usize) -> Result<Box<dyn Lane>, Error> {
        let failed = |trouble: Trouble| self.failed(&self.cuts[cut].name, &trouble);
        let mut ready = self.ready();
        let mut place = match ready.iter().position(|ready| ready.cut == cut) {
            Some(position) => ready.remove(position),
            None => Ready {
                cut,
                network: self.network(cut)?,
                idle: Vec::new(),
            },
        };
        let lane = match place.idle.pop() {
            Some(lane) => Ok(lane),
            None => place.network.lane().map_err(failed),
        };
        if ready.len() == KEPT {
            ready.remove(0);
        }
        ready.push(place);
        lane
    }

    fn network(&self, cut: usize) -> Result<Box<dyn Network>, Error> {
        let graph = read(&self.file, &self.path.display().to_string())?;
        let name = [&*self.cuts[cut].name];
        self.read_up_to(&graph, &name, true)?
            .map_err(|trouble| self.failed(name[0], &trouble))
    }

    fn read_up_to(
        &self,
        graph: &Graph<'_>,
        outputs: &[&str],
        optimise: bool,
    ) -> Result<Result<Box<dyn Network>, Trouble>, Error> {
        let image = image_input(graph, &self.path.display().to_string())?;
        let shape = Layout::batch(self.sample, self.layout);
        Ok(self.runtime.read(ModelFile {
            bytes: graph.up_to(outputs, image, shape, folder_of(&self.path))?,
            input: image.name,
            shape,
            outputs,
            optimise,
        }))
    }

    /// The shapes of these tensors for a blank image, none for those that are not of 32-bit floating point numbers.
    fn shapes(&self, graph: &Graph<'_>, names: &[&str]) -> Result<Vec<Option<Vec<usize>>>, Error> {
        let mut shapes = vec![None; names.len()];
        let blank = vec![0.0; self.sample.iter().product()];
        let read = self.read_up_to(graph, names, false)?;
        let run = read.and_then(|network| {
            let mut show = |output: usize, shape: &[usize], _: &[f32]| {
                shapes[output] = Some(shape.to_vec());
            };
            network.lane()?.run(&blank, &mut show)
        });
        run.map_err(|trouble| self.runtime.refused(self.path.display(), &trouble))?;
        Ok(shapes)
    }

    fn failed(&self, cut: &str, trouble: &Trouble) -> Error {
        let (runtime, path) = (self.runtime, self.path.display());
        Error::failed(format!(
            "{runtime} cannot compute `{path}` up to \"{cut}\": {trouble}"
        ))
    }

    fn ready(&self) -> MutexGuard<'_, Vec<Ready>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The graph of a model file.
fn read<'a>(file: &'a [u8], path: &str) -> Result<Graph<'a>, Error> {
    let refused = |reason: String| {
        Error::data(format!("`{path}` is no model in the ONNX format: {reason}"))
            .with_hint("is it whole? Models of other formats are exported first: see docs/onnx.md")
    };
    let graph = Graph::read(file).map_err(|broken| refused(broken.to_string()))?;
    if graph.is_empty() {
        return Err(refused("it has no nodes".to_owned()));
    }
    Ok(graph)
}

/// The tensors with these names; without names, all.
fn wanted<'a>(
    tensors: Vec<Tensor<'a>>,
    names: Option<&[String]>,
    path: &str,
) -> Result<Vec<Tensor<'a>>, Error> {
    let Some(names) = names else {
        return Ok(tensors);
    };
    let known: HashSet<&str> = tensors.iter().map(|tensor| tensor.name).collect();
    if let Some(missing) = names.iter().find(|name| !known.contains(&***name)) {
        let likeness = |tensor: &Tensor| strsim::jaro_winkler(tensor.name, missing);
        let nearest = tensors
            .iter()
            .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        let error = Error::parameters(format!(
            "`{path}` computes no tensor \"{missing}\" from its image"
        ));
        return Err(match nearest {
            Some(tensor) => error.with_hint(format!("the nearest name is \"{}\"", tensor.name)),
            None => error,
        });
    }
    let wanted = |tensor: &Tensor| names.iter().any(|name| name == tensor.name);
    Ok(tensors.into_iter().filter(wanted).collect())
}

/// The shape of one sample's features in a tensor that has this shape for one image. The host knows maps of channels, height
/// and width, and rows of numbers: all else becomes a row.
fn features(shape: &[usize]) -> Option<Vec<usize>> {
    let (&1, sizes) = shape.split_first()? else {
        return None;
    };
    let numbers = sizes.iter().product();
    match sizes.len() {
        _ if numbers == 0 => None,
        3 => Some(sizes.to_vec()),
        _ => Some(vec![numbers]),
    }
}

/// Writes an image of channels, height and width in the other order.
fn channels_last<'i>(sample: &[f32], channels: usize, image: &'i mut Vec<f32>) -> &'i [f32] {
    let pixels = sample.len() / channels;
    image.clear();
    image.extend((0..sample.len()).map(|at| sample[at % channels * pixels + at / channels]));
    image
}

/// The SHA-256 of the model's files and the runtime's name.
fn digest(file: &[u8], graph: &Graph<'_>, path: &Path, runtime: Runtime) -> Result<String, Error> {
    let mut sha256 = Sha256::new();
    sha256.update(file);
    for name in graph.weight_files() {
        WeightFile::open(folder_of(path), name)?.digest(&mut sha256)?;
    }
    sha256.update(runtime.identity());
    let digest = sha256.finalize();
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}
