//! Image models in the ONNX format as backbones: any model that takes one image, cut at any of its tensors.
//!
//! What is computed is a smaller model file that ends at the cut, made from the bytes of the file. It is handed to one of two
//! runtimes: rten, which is part of the plugin, or the user's library of onnxruntime.

mod axes;
mod blocks;
mod engine;
mod given;
mod graph;
mod image;
mod model;
mod node;
mod normalise;
mod runtime;
mod weights;
mod wire;

use image::Layout;
use model::Model;
use runtime::{Kind, Provider, Wish};
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::OnceLock;
use topwork_sdk::{
    Component, Error, Extraction, Extractor, GivenNetwork, Host, Normalise, OnnxModel,
    export_plugin, extractor,
};

export_plugin! {
    id: "onnx",
    licence: "MIT OR Apache-2.0",
    components: [extractor::<Onnx>()],
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    file: PathBuf,
    input: Option<[usize; 3]>,
    runtime: Wish,
    provider: Kind,
    device: Option<i32>,
    layout: Layout,
    cuts: Option<Vec<String>>,
}

impl Parameters {
    fn provider(&self) -> Result<Provider, Error> {
        Provider::new(self.provider, self.device)
    }

    /// The runtime that is asked for, be it by what only one of them has.
    fn wish(&self) -> Result<Wish, Error> {
        match (self.runtime, self.provider) {
            (wish, Kind::Cpu) => Ok(wish),
            (Wish::Auto | Wish::OnnxRuntime, _) => Ok(Wish::OnnxRuntime),
            (Wish::Engine | Wish::Rten, kind) => Err(Error::parameters(format!(
                "`provider = \"{kind}\"` is of onnxruntime, expected `runtime = \"onnxruntime\"` or \"auto\" beside it"
            ))),
        }
    }
}

struct Onnx {
    host: Host,
    parameters: Parameters,
    /// Opened when it is first described, as that takes a pass through the network.
    model: OnceLock<Result<Model, Error>>,
}

impl Component for Onnx {
    const ID: &str = "onnx";
    const ABOUT: &str = "any image model in the ONNX format, cut at any of its tensors";
    const SCHEMA: &str = r#"{"type": "object", "properties": {
        "file": {"type": "string", "format": "path",
            "description": "the model file; weights that it keeps in files of their own lie beside it"},
        "input": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 16384}, "minItems": 3,
            "maxItems": 3, "description": "channels, height and width of an image, where the file leaves them open"},
        "runtime": {"enum": ["auto", "engine", "rten", "onnxruntime"],
            "description": "what computes the model; engine: topwork itself, as a network that can be trained, where it has layers for all of it; rten and onnxruntime compute it as it is, frozen; auto: the first of engine, onnxruntime and rten that can",
            "default": "auto"},
        "provider": {"enum": ["cpu", "cuda", "openvino"],
            "description": "what onnxruntime computes with, where its library has it; others than cpu mean onnxruntime",
            "default": "cpu"},
        "device": {"type": "integer", "minimum": 0, "maximum": 255,
            "description": "the number of the GPU, for provider cuda; the first without it"},
        "layout": {"enum": ["nchw", "nhwc"],
            "description": "the order of the input's dimensions: batch, channels, height, width or channels last",
            "default": "nchw"},
        "cuts": {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1, "uniqueItems": true,
            "description": "the tensors that can be cut at; by default all, but then the runtime must know the whole model"}
    }, "required": ["file"], "additionalProperties": false}"#;
    type Parameters = Parameters;

    fn create(host: Host, parameters: Parameters) -> Result<Self, Error> {
        if !parameters.file.exists() {
            let path = parameters.file.display();
            return Err(Error::data(format!("there is no file `{path}`")).with_hint(
                "`file` is the path of a model in the ONNX format, relative to the experiment",
            ));
        }
        parameters.wish()?;
        parameters.provider()?;
        Ok(Onnx {
            host,
            parameters,
            model: OnceLock::new(),
        })
    }
}

impl Onnx {
    fn model(&self) -> Result<&Model, Error> {
        let model = self
            .model
            .get_or_init(|| Model::open(&self.parameters, self.host));
        model.as_ref().map_err(Error::clone)
    }
}

impl Extractor for Onnx {
    fn describe(&self) -> Result<Extraction, Error> {
        // Where it is a network, nobody needs its description.
        if self.parameters.wish()? == Wish::Engine
            && let Err(because) = engine::network(&self.parameters)?
        {
            return Err(engine::refused(&self.parameters, &because));
        }
        let model = self.model()?;
        let mut extraction = Extraction::new(&model.sample)
            .normalise(Normalise::Stated)
            .digest(&model.digest)
            .runtime(model.runtime.named());
        if model.runtime.is_parallel() {
            extraction = extraction.in_parallel();
        }
        for cut in &model.cuts {
            // The host knows maps of channels, height and width, and rows of numbers: of all else it is told how it lies.
            let numbers = [cut.sizes.iter().product()];
            let shape = match cut.sizes.len() {
                3 => &cut.sizes[..],
                _ => &numbers,
            };
            extraction = extraction.cut(&cut.name, shape).computed_by(&cut.operator);
            if shape != cut.sizes || (shape.len() == 3 && cut.channels != Some(0)) {
                extraction = extraction.laid_out(&cut.sizes, cut.channels);
            }
            if cut.ends_block {
                extraction = extraction.ends_block();
            }
        }
        Ok(extraction)
    }

    fn forward(&self, cut: usize, samples: &[f32], features: &mut [f32]) -> Result<(), Error> {
        self.model()?.forward(self.host, cut, samples, features)
    }

    fn onnx(&self, cut: usize) -> Result<Option<OnnxModel>, Error> {
        self.model()?.given(cut).map(Some)
    }

    fn network(&self) -> Result<Option<GivenNetwork>, Error> {
        match self.parameters.wish()? {
            Wish::Auto | Wish::Engine => match engine::network(&self.parameters)? {
                Ok(network) => Ok(Some(network)),
                Err(because) => Err(Error::unsupported(format!(
                    "{}: {because}",
                    engine::REFUSED
                ))),
            },
            wish @ (Wish::Rten | Wish::OnnxRuntime) => {
                let chosen = match (self.parameters.provider, wish) {
                    (Kind::Cpu, Wish::Rten) => "runtime = \"rten\"".to_owned(),
                    (Kind::Cpu, _) => "runtime = \"onnxruntime\"".to_owned(),
                    (kind, _) => format!("provider = \"{kind}\""),
                };
                let because = format!("`{chosen}` computes it as it is");
                Err(Error::unsupported(because))
            }
        }
    }
}
