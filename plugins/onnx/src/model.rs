//! A model that was opened: where it can be cut, and the networks up to the cuts that were last used.

use crate::Parameters;
use crate::axes::channels;
use crate::blocks;
use crate::graph::{Graph, Tensor};
use crate::image::{Layout, image_input, sample_shape};
use crate::normalise::{Shapes, normalise, refuse_training, wrong_in_rten};
use crate::runtime::{Lane, ModelFile, Network, Runtime, Trouble};
use crate::weights::told;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use topwork_onnx::DataFile;
use topwork_sdk::nearest::most_alike;
use topwork_sdk::{Error, Host, sniff};

/// Networks up to so many cuts stay in memory, each with its weights: an experiment with more cuts takes one after the other.
const KEPT: usize = 2;

/// A model that was opened.
pub struct Model {
    pub(crate) path: PathBuf,
    pub(crate) file: Vec<u8>,
    /// What computes it.
    pub runtime: Runtime,
    pub(crate) layout: Layout,
    /// The shape of one sample: channels, height, width.
    pub sample: [usize; 3],
    /// Where it can be cut, in the order in which it is computed.
    pub cuts: Vec<Cut>,
    /// Names the bytes of the model and the runtime.
    pub digest: String,
    /// Those of the image and of all tensors before the cuts, for one image.
    shapes: Shapes,
    /// The cuts used last, the latest at the end.
    ready: Mutex<Vec<Ready>>,
}

/// A tensor that can be cut at.
pub struct Cut {
    /// Its name.
    pub name: String,
    /// The sizes of one sample's features.
    pub sizes: Vec<usize>,
    /// Which of them counts channels, if that is known and there are others.
    pub channels: Option<usize>,
    /// Whether it ends a block of a residual network.
    pub ends_block: bool,
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
        let mut graph = read(&file, &shown)?;
        let image = image_input(&graph, &shown)?;
        let sample = sample_shape(image, parameters.layout, parameters.input, &shown)?;
        let (image, batch) = (image.name, image.batch());
        let tensors = wanted(
            graph.tensors_from(image),
            parameters.cuts.as_deref(),
            &shown,
        )?;
        let names: Vec<&str> = tensors.iter().map(|tensor| &*tensor.name).collect();
        let runtime = Runtime::find(parameters.wish()?, parameters.provider()?, host)?;
        let digest = digest(&file, &graph, &path, runtime)?;
        graph.cut_to(&names);
        refuse_training(&graph, &shown)?;
        let all = graph.tensors_from(image);
        let of_image = Layout::batch(sample, parameters.layout).to_vec();
        let shapes = Shapes::from([(image.to_owned(), of_image)]);
        let mut model = Model {
            path,
            file,
            runtime,
            layout: parameters.layout,
            sample,
            cuts: Vec::new(),
            digest,
            shapes,
            ready: Mutex::new(Vec::new()),
        };
        let found = model.shapes_of(&all, batch)?;
        model
            .shapes
            .extend((all.iter().zip(&found)).filter_map(|(tensor, found)| {
                Some((tensor.name.clone(), found.as_ref()?.sizes.clone()))
            }));
        model.cuts = {
            // Read anew, as what is borrowed from the file cannot stay beside it.
            let mut graph = read(&model.file, &shown)?;
            graph.cut_to(&names);
            let of_image = match model.layout {
                Layout::Nchw => 1,
                Layout::Nhwc => 3,
            };
            let image = image_input(&graph, &shown)?.name;
            let channels = channels(&graph, &model.shapes, image, of_image);
            let ends = blocks::ends(&graph, &model.shapes);
            let mut cuts = Vec::new();
            for Tensor { name, operator } in tensors {
                let place = all.iter().position(|tensor| tensor.name == name);
                let found = place.and_then(|place| found[place].as_ref());
                let found = found.filter(|found| found.of_floats);
                match found.and_then(|found| features(&found.sizes)) {
                    Some(sizes) => cuts.push(Cut {
                        channels: channels_among(&sizes, channels.get(&name).copied()),
                        ends_block: ends.contains(&name),
                        sizes,
                        name,
                        operator,
                    }),
                    None if parameters.cuts.is_some() => {
                        return Err(Error::parameters(format!(
                            "`{shown}` cannot be cut at \"{name}\": {}",
                            match found {
                                None => "it does not hold float32 numbers".to_owned(),
                                Some(found) => format!(
                                    "its shape for one image is {:?}, expected 1 first",
                                    found.sizes
                                ),
                            }
                        )));
                    }
                    None => {}
                }
            }
            cuts
        };
        if model.cuts.is_empty() {
            let message =
                format!("no tensor of `{shown}` holds one row of float32 numbers per image");
            return Err(Error::data(message));
        }
        if model.runtime.uses_provider() {
            // A library may have a provider that finds no device here: that is told before anything else is done.
            let blank = vec![0.0; sample.iter().product()];
            (model.network(0)?.lane())
                .and_then(|mut lane| lane.run(&blank, &mut |_, _, _| {}))
                .map_err(|trouble| model.failed(&model.cuts[0].name, &trouble))?;
        }
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
        let Cut { name, sizes, .. } = &self.cuts[cut];
        let mut lane = self.take_lane(cut)?;
        let numbers = self.sample.iter().product();
        let mut image = Vec::new();
        let rows = features.chunks_exact_mut(sizes.iter().product());
        for (sample, row) in samples.chunks_exact(numbers).zip(rows) {
            host.check_stop()?;
            let sample = match self.layout {
                Layout::Nchw => sample,
                Layout::Nhwc => channels_last(sample, self.sample[0], &mut image),
            };
            let mut length = None;
            let result = lane.run(sample, &mut |_, _, numbers| {
                let numbers = numbers.unwrap_or_default();
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
        let name = [&*self.cuts[cut].name];
        self.read_up_to(&name, 1, true)?
            .map_err(|trouble| self.failed(name[0], &trouble))
    }

    /// The network that computes these tensors for a batch of images, as far as the rules make it what the format means.
    pub(crate) fn read_up_to(
        &self,
        outputs: &[&str],
        batch: usize,
        is_last: bool,
    ) -> Result<Result<Box<dyn Network>, Trouble>, Error> {
        let path = self.path.display().to_string();
        let mut graph = read(&self.file, &path)?;
        let image = image_input(&graph, &path)?.name;
        let for_rten = matches!(self.runtime, Runtime::Rten);
        graph.cut_to(outputs);
        normalise(&mut graph, for_rten, &self.shapes);
        graph.cut_to(outputs);
        if is_last
            && for_rten
            && let Some((node, what)) = wrong_in_rten(&graph)
        {
            let place = format!("\"{}\" ({}): {what}", node.output(), node.operator);
            return Err(self.runtime.refused(&path, &Trouble::new(place)));
        }
        let mut shape = Layout::batch(self.sample, self.layout);
        shape[0] = batch;
        Ok(self.runtime.read(ModelFile {
            bytes: graph.write(outputs, image, shape, folder_of(&self.path))?,
            input: image,
            shape,
            outputs,
            optimise: is_last,
        }))
    }

    /// What these tensors are for a blank image. Of what is no tensor there is nothing.
    fn shapes_of(&self, tensors: &[Tensor], batch: usize) -> Result<Vec<Option<Found>>, Error> {
        let names: Vec<&str> = tensors.iter().map(|tensor| &*tensor.name).collect();
        let pass = |batch: usize| -> Result<Result<Vec<Option<Found>>, Trouble>, Error> {
            let mut found: Vec<Option<Found>> = vec![None; names.len()];
            let blank = vec![0.0; batch * self.sample.iter().product::<usize>()];
            let run = self.read_up_to(&names, batch, false)?.and_then(|network| {
                let mut show = |output: usize, sizes: &[usize], numbers: Option<&[f32]>| {
                    found[output] = Some(Found {
                        sizes: sizes.to_vec(),
                        of_floats: numbers.is_some(),
                    });
                };
                network.lane()?.run(&blank, &mut show)
            });
            Ok(run.map(|()| found))
        };
        let alone = pass(1)?;
        if batch == 1 {
            return alone.map_err(|trouble| self.runtime.refused(self.path.display(), &trouble));
        }
        // The file says how many images there are, and may have built it in.
        let together = pass(batch)?;
        let built_in = match (&alone, &together) {
            (Err(trouble), Err(_)) => {
                return Err(self.runtime.refused(self.path.display(), trouble));
            }
            (Ok(_), Err(_)) => return Ok(alone.unwrap_or_default()),
            (Err(_), Ok(together)) => (together.iter().zip(&names))
                .find(|(found, _)| found.as_ref().is_some_and(|found| found.sizes.len() == 2)),
            (Ok(alone), Ok(together)) => {
                let differs = alone.iter().zip(together).position(|pair| match pair {
                    (Some(alone), Some(together)) => !alone.follows(together, batch),
                    _ => false,
                });
                match differs {
                    None => return Ok(alone.clone()),
                    Some(first) => Some((&together[first], &names[first])),
                }
            }
        };
        let path = self.path.display();
        let place = match built_in {
            Some((Some(found), name)) => {
                let sizes: Vec<String> = found.sizes.iter().map(usize::to_string).collect();
                format!(
                    ": \"{name}\" is {}, however many images there are",
                    sizes.join("×")
                )
            }
            _ => String::new(),
        };
        let error = format!("`{path}` has its batch of {batch} images built in{place}");
        Err(Error::data(error).with_hint(
            "export it with a batch of 1, or with an open one: `dynamic_axes={\"image\": {0: \"batch\"}}`",
        ))
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

/// What a pass has found of a tensor.
#[derive(Clone)]
struct Found {
    sizes: Vec<usize>,
    of_floats: bool,
}

impl Found {
    /// Whether the tensor of a batch is this one, image by image: one of its sizes is as many times larger, or nothing is. Rows as
    /// many as the batch, however many images there are, were not meant for one.
    fn follows(&self, together: &Found, batch: usize) -> bool {
        let mut pairs = self.sizes.iter().zip(&together.sizes);
        let grown = pairs
            .clone()
            .filter(|(alone, together)| alone != together)
            .count();
        let rows = [self, together].map(|found| found.sizes.first());
        self.sizes.len() == together.sizes.len()
            && grown <= 1
            && !(grown == 1 && rows == [Some(&batch); 2])
            && pairs.all(|(alone, together)| alone == together || alone * batch == *together)
    }
}

/// The graph of a model file.
pub(crate) fn read<'a>(file: &'a [u8], path: &str) -> Result<Graph<'a>, Error> {
    let refused = |reason: String| {
        let error = Error::data(format!("`{path}` is no model in the ONNX format: {reason}"));
        // What begins like something else is that, if it is no model.
        let kind = sniff::kind(&file[..file.len().min(sniff::WANTED)]);
        match kind {
            Some(kind) => {
                let error = Error::data(format!(
                    "`{path}` is no model in the ONNX format: it is {kind}"
                ));
                match kind.hint() {
                    Some(hint) => error.with_hint(hint),
                    None => error.with_hint(EXPORT),
                }
            }
            None => error.with_hint(EXPORT),
        }
    };
    if file.is_empty() {
        return Err(refused("it is empty".to_owned()));
    }
    let graph = Graph::read(file).map_err(|broken| refused(broken.to_string()))?;
    if graph.is_empty() {
        return Err(refused("it has no nodes".to_owned()));
    }
    Ok(graph)
}

const EXPORT: &str = "is it whole? Models of other formats are exported first: see docs/onnx.md";

/// The tensors with these names; without names, all.
fn wanted(
    tensors: Vec<Tensor>,
    names: Option<&[String]>,
    path: &str,
) -> Result<Vec<Tensor>, Error> {
    let Some(names) = names else {
        return Ok(tensors);
    };
    let known: HashSet<&str> = tensors.iter().map(|tensor| &*tensor.name).collect();
    if let Some(missing) = names.iter().find(|name| !known.contains(&***name)) {
        let nearest = most_alike(missing, &tensors, |tensor| &tensor.name);
        let error = Error::parameters(format!(
            "`{path}` computes no tensor \"{missing}\" from its image"
        ));
        return Err(match nearest {
            Some((tensor, _)) => {
                error.with_hint(format!("the nearest name is \"{}\"", tensor.name))
            }
            None => error,
        });
    }
    let wanted = |tensor: &Tensor| names.contains(&tensor.name);
    Ok(tensors.into_iter().filter(wanted).collect())
}

/// The sizes of one sample's features in a tensor that has this shape for one image.
fn features(shape: &[usize]) -> Option<Vec<usize>> {
    match shape.split_first()? {
        (1, []) => Some(vec![1]),
        (1, sizes) if sizes.iter().all(|size| *size > 0) => Some(sizes.to_vec()),
        _ => None,
    }
}

/// Which of one sample's sizes counts channels, from the axis of the whole tensor. Where all others are 1 it must be that one.
fn channels_among(sizes: &[usize], axis: Option<usize>) -> Option<usize> {
    let mut larger = (0..sizes.len()).filter(|axis| sizes[*axis] > 1);
    match (larger.next(), larger.next()) {
        (Some(only), None) => Some(only),
        _ => axis?.checked_sub(1),
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
    digest_of(file, graph, path, &runtime.identity())
}

/// Names the bytes of a model, those of the files with its weights, and what computes it.
pub(crate) fn digest_of(
    file: &[u8],
    graph: &Graph<'_>,
    path: &Path,
    computed_by: &str,
) -> Result<String, Error> {
    let mut sha256 = Sha256::new();
    sha256.update(file);
    for name in graph.weight_files() {
        DataFile::open(folder_of(path), name)
            .and_then(|file| file.each_part(|part| sha256.update(part)))
            .map_err(|error| told(name, error))?;
    }
    sha256.update(computed_by);
    let digest = sha256.finalize();
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}
