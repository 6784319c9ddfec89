//! Models computed by onnxruntime, whose library is loaded when it is first asked for.

use super::{Lane, ModelFile, Network, Provider, Show, Trouble};
use ort::LoadDynamicError;
use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::{Shape, TensorRef, ValueType};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use topwork_sdk::Error;

/// The environment variable that leads to the library.
pub const VARIABLE: &str = "ORT_DYLIB_PATH";

/// What the system's loader is asked for without the variable: the name for developers, and that for programs.
#[cfg(target_os = "linux")]
const NAMES: [&str; 2] = ["libonnxruntime.so", "libonnxruntime.so.1"];
#[cfg(target_os = "macos")]
const NAMES: [&str; 1] = ["libonnxruntime.dylib"];
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
const NAMES: [&str; 1] = ["onnxruntime.dll"];

/// Why onnxruntime is not there.
pub enum Absence {
    /// The system has no such library.
    NotFound,
    /// The system has one that does not work.
    Unusable(Trouble),
    /// The one that the variable leads to does not work.
    Named(Trouble),
}

impl Absence {
    /// As the answer to somebody who asks for onnxruntime.
    pub fn error(&self) -> Error {
        let error = match self {
            Absence::NotFound => Error::parameters("the library of onnxruntime is not found"),
            Absence::Unusable(reason) => {
                Error::parameters(format!("onnxruntime cannot be used: {reason}"))
            }
            Absence::Named(reason) => Error::parameters(format!(
                "`{VARIABLE}` leads to no library of onnxruntime that can be used: {reason}"
            )),
        };
        error.with_hint(format!(
            "`pip install onnxruntime` brings it, as `onnxruntime/capi/{}*`: lead `{VARIABLE}` there, or state `runtime = \"rten\"`",
            NAMES[0]
        ))
    }
}

/// The library, loaded.
pub struct Library {
    environment: Environment,
    version: String,
}

impl Library {
    /// Its name and version, for people.
    pub fn named(&self) -> String {
        format!("onnxruntime {}", self.version)
    }
}

/// The library, loaded once in a process.
pub fn library() -> Result<&'static Library, &'static Absence> {
    static LIBRARY: OnceLock<Result<Library, Absence>> = OnceLock::new();
    LIBRARY.get_or_init(load).as_ref()
}

fn load() -> Result<Library, Absence> {
    match std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        Some(path) => open(Path::new(&path)).map_err(|e| Absence::Named(Trouble::new(e))),
        None => {
            for name in NAMES {
                match open(Path::new(name)) {
                    Ok(library) => return Ok(library),
                    Err(OpenError::Load(LoadDynamicError::Dlopen { .. })) => {}
                    Err(error) => return Err(Absence::Unusable(Trouble::new(error))),
                }
            }
            Err(Absence::NotFound)
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error("{0}")]
    Load(LoadDynamicError),
    #[error("{0}")]
    Start(ort::Error),
}

fn open(path: &Path) -> Result<Library, OpenError> {
    let builder = ort::init_from(path).map_err(OpenError::Load)?;
    let environment = builder.with_name("topwork").with_telemetry(false).build();
    Ok(Library {
        environment: environment.map_err(OpenError::Start)?,
        version: version(&loaded_from(path)),
    })
}

/// The file that a library was loaded from: the one named, or that which the system's loader found.
fn loaded_from(path: &Path) -> PathBuf {
    if let Ok(file) = path.canonicalize() {
        return file;
    }
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut files = maps
        .lines()
        .filter_map(|line| line.find('/').map(|at| &line[at..]));
    let found = files.find(|file| {
        let name = Path::new(file).file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(NAMES[0]))
    });
    found.map_or_else(|| path.to_owned(), PathBuf::from)
}

/// The version of the library in this file. What it says of its own build has no version, only a commit; the names of its
/// files end in one.
fn version(file: &Path) -> String {
    let name = file
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let numbers = name.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = numbers.find(|c: char| c != '.' && !c.is_ascii_digit());
    let numbers = numbers[..end.unwrap_or(numbers.len())].trim_end_matches('.');
    if numbers.contains('.') {
        return numbers.to_owned();
    }
    let mut parts = ort::info().split(", ");
    let commit = parts.find_map(|part| part.trim().strip_prefix("git-commit-id="));
    commit.map_or_else(
        || "of an unknown version".to_owned(),
        |commit| format!("of commit {commit}"),
    )
}

/// A model file. Every lane reads it anew, as sessions cannot be used by two threads.
pub struct OnnxRuntimeNetwork {
    library: &'static Library,
    provider: Provider,
    bytes: Vec<u8>,
    shape: [usize; 4],
    optimise: bool,
}

/// Takes a model file.
pub fn read(
    library: &'static Library,
    provider: Provider,
    file: ModelFile<'_>,
) -> OnnxRuntimeNetwork {
    OnnxRuntimeNetwork {
        library,
        provider,
        bytes: file.bytes,
        shape: file.shape,
        optimise: file.optimise,
    }
}

impl Network for OnnxRuntimeNetwork {
    fn lane(&self) -> Result<Box<dyn Lane>, Trouble> {
        // A single pass that tells shapes is not worth what a provider does to a model first.
        let (level, provider) = match self.optimise {
            true => (GraphOptimizationLevel::All, self.provider.registered()),
            false => (GraphOptimizationLevel::Disable, None),
        };
        let session = || -> ort::Result<Session> {
            Session::builder(&self.library.environment)?
                .with_intra_threads(1)?
                .with_inter_threads(1)?
                .with_optimization_level(level)?
                // Every error comes back as a result, too.
                .with_log_level(LogLevel::Fatal)?
                .with_execution_providers(provider.as_slice())?
                .commit_from_memory(&self.bytes)
        };
        Ok(Box::new(OnnxRuntimeLane {
            session: session().map_err(Trouble::new)?,
            shape: self.shape,
        }))
    }
}

struct OnnxRuntimeLane {
    session: Session,
    shape: [usize; 4],
}

impl Lane for OnnxRuntimeLane {
    fn run(&mut self, sample: &[f32], show: &mut Show<'_>) -> Result<(), Trouble> {
        let image = TensorRef::from_array_view((self.shape, sample)).map_err(Trouble::new)?;
        let inputs = ort::inputs![image];
        let outputs = self.session.run(inputs).map_err(Trouble::new)?;
        for (position, value) in outputs.values().enumerate() {
            let sizes = |shape: &Shape| -> Vec<usize> {
                shape.iter().map(|&size| size.max(0) as usize).collect()
            };
            match (value.try_extract_tensor::<f32>(), value.dtype()) {
                (Ok((shape, numbers)), _) => show(position, &sizes(shape), Some(numbers)),
                (Err(_), ValueType::Tensor { shape, .. }) => show(position, &sizes(shape), None),
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_in_the_name_of_the_file() {
        let cases = [
            ("/lib/libonnxruntime.so.1.32.0", "1.32.0"),
            ("/lib/libonnxruntime.1.20.1.dylib", "1.20.1"),
            ("libonnxruntime.so.1.17", "1.17"),
        ];
        for (file, expected) in cases {
            assert_eq!(version(Path::new(file)), expected, "{file}");
        }
    }
}
