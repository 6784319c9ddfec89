//! What onnxruntime computes with: its execution providers, of which each build of the library has its own.

use ort::ep::cuda::ConvAlgorithmSearch;
use ort::ep::{CUDA, ExecutionProvider, ExecutionProviderDispatch, OpenVINO};
use serde::Deserialize;
use std::fmt;
use topwork_sdk::Error;

/// A kind of provider, as the experiment names it.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// onnxruntime's own kernels, on the processor.
    #[default]
    Cpu,
    /// NVIDIA's CUDA, on a GPU.
    Cuda,
    /// Intel's OpenVINO, on the processor.
    OpenVino,
}

const ALL: [Kind; 3] = [Kind::Cpu, Kind::Cuda, Kind::OpenVino];

/// A provider, on one of several devices of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provider {
    kind: Kind,
    /// The number of its device, if it can have several.
    device: Option<i32>,
}

impl Provider {
    /// A provider on the device of this number; without one, on the first.
    pub fn new(kind: Kind, device: Option<i32>) -> Result<Provider, Error> {
        match (kind, device) {
            (Kind::Cuda, number) => Ok(Provider {
                kind,
                device: Some(number.unwrap_or(0)),
            }),
            (_, None) => Ok(Provider { kind, device: None }),
            (_, Some(number)) => Err(Error::parameters(format!(
                "`device = {number}`, but `provider = \"{kind}\"` computes on the processor"
            ))
            .with_hint("`provider = \"cuda\"` has devices with numbers")),
        }
    }

    /// Whether onnxruntime's own kernels compute everything.
    pub fn is_cpu(self) -> bool {
        self.kind == Kind::Cpu
    }

    /// Whether several threads compute at once, each with a session of its own. A GPU has memory for one.
    pub fn is_parallel(self) -> bool {
        self.kind != Kind::Cuda
    }

    /// What a session is given beside onnxruntime's own kernels, which take the operators that it does not know.
    pub fn registered(self) -> Option<ExecutionProviderDispatch> {
        let provider = match self.kind {
            Kind::Cpu => return None,
            // Neither a search by time nor sums in TensorFloat-32: the same image has the same bits every time, in 32 bits.
            Kind::Cuda => CUDA::default()
                .with_device_id(self.device.unwrap_or(0))
                .with_conv_algorithm_search(ConvAlgorithmSearch::Heuristic)
                .with_tf32(false)
                .build(),
            // Unasked, it computes in bfloat16 on processors that have it.
            Kind::OpenVino => OpenVINO::default()
                .with_device_type("CPU")
                .with_precision("FP32")
                .with_num_threads(1)
                .build(),
        };
        Some(provider.error_on_failure())
    }

    /// Refuses a provider that the library was built without.
    pub fn check(self, library: &str) -> Result<(), Error> {
        if self.kind.is_there() {
            return Ok(());
        }
        let those: Vec<String> = (ALL.iter().filter(|provider| provider.is_there()))
            .map(|provider| format!("\"{provider}\""))
            .collect();
        let error = format!("{library} was built without `provider = \"{}\"`", self.kind);
        let package = match self.kind {
            Kind::Cpu => "onnxruntime",
            Kind::Cuda => "onnxruntime-gpu",
            Kind::OpenVino => "onnxruntime-openvino",
        };
        Err(Error::parameters(error).with_hint(format!(
            "it has {}; `pip install {package}` brings another library",
            those.join(" and ")
        )))
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.device {
            Some(number) => write!(f, "{} {number}", self.kind),
            None => write!(f, "{}", self.kind),
        }
    }
}

impl Kind {
    fn is_there(self) -> bool {
        let found = match self {
            Kind::Cpu => return true,
            Kind::Cuda => CUDA::is_available(),
            Kind::OpenVino => OpenVINO::is_available(),
        };
        // What cannot be asked has no more than what every build has.
        found.unwrap_or(false)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Cpu => "cpu",
            Kind::Cuda => "cuda",
            Kind::OpenVino => "openvino",
        })
    }
}
