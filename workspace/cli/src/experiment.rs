//! From an experiment file to a checked plan, with plugins only ever loaded by a child process.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use indicatif::ProgressBar;
use topwork_nearest::most_alike;
use topwork_schema::{Ask, Catalog, Diagnostics, Draft, Plan, Plans, apply_overrides};
use topwork_sniff::reason;
use topwork_worker::{Heard, ProbeAnswer, ProbeRequest, probe};

use crate::{
    arguments::FileArguments,
    child::{self, Ending},
    failure::{Failure, WRONG_PLUGIN, WRONG_USE},
    folders::{self, Folders, absolute},
    output, plugins,
};

/// Warnings of plugins that are told beside mistakes.
const MOST_HEARD: usize = 12;

/// An experiment that can be run.
pub struct Checked {
    /// What to do, for each backbone with each target.
    pub plans: Plans,
    /// What may be wrong and stops nothing.
    pub warnings: Diagnostics,
    /// What the plugins say.
    pub answer: ProbeAnswer,
    /// Where they were looked for.
    pub folders: Folders,
}

impl Checked {
    /// The plan of an experiment with one backbone and one target; `what` is what only such a one has.
    pub fn only(&self, what: &str) -> Result<&Plan, Failure> {
        self.plans.only().ok_or_else(|| {
            let message = format!(
                "the experiment has several backbones or targets: {what} is of one of each"
            );
            Failure::new(WRONG_USE, message)
                .hint("write a file with one `[backbone]` and one `[target]`")
        })
    }

    /// What is known of all installed components, and of all data.
    pub fn catalog(&self) -> Option<&Catalog> {
        self.answer.catalogs.first()
    }
}

/// What is wrong with an experiment file.
pub struct Mistakes {
    /// All mistakes.
    pub diagnostics: Diagnostics,
    /// What plugins said while they were looked at.
    heard: Vec<Heard>,
}

impl From<Mistakes> for Failure {
    fn from(mistakes: Mistakes) -> Self {
        let mut rendered = mistakes.diagnostics.render(output::colours());
        // What was left out may be why.
        let said = mistakes.heard.iter().filter(|heard| heard.is_warning());
        for Heard { dataset, text, .. } in said.take(MOST_HEARD) {
            rendered.push_str(&format!("warning from {}: {text}\n", dataset.plugin()));
        }
        Failure::rendered(mistakes.diagnostics.exit_code(), rendered)
    }
}

/// Reads and checks an experiment file. All mistakes come as one failure.
pub fn check(arguments: &FileArguments) -> Result<Checked, Failure> {
    look(arguments, false)?.map_err(Failure::from)
}

/// The same after a comparison of all images, as far as there is time for it; the mistakes in the file as they are.
pub fn check_with_images(arguments: &FileArguments) -> Result<Result<Checked, Mistakes>, Failure> {
    look(arguments, true)
}

fn look(arguments: &FileArguments, compare: bool) -> Result<Result<Checked, Mistakes>, Failure> {
    is_text(&absolute(&arguments.file))?;
    let folders = Folders::find(&arguments.plugin_dir);
    let draft = read(arguments)?;
    let folder = draft.folder().to_owned();
    let request = ProbeRequest {
        asks: draft.asks(),
        compare,
        ..request(&folders, Vec::new(), &folder)
    };
    let answer = ask(&request)?;
    Ok(match draft.judge(&answer.catalogs) {
        Ok((plans, warnings)) => Ok(Checked {
            plans,
            warnings,
            answer,
            folders,
        }),
        Err(diagnostics) => Err(Mistakes {
            diagnostics,
            heard: answer.heard,
        }),
    })
}

/// What to ask of the plugins in these folders.
pub fn request(folders: &Folders, uses: Vec<topwork_schema::Use>, folder: &Path) -> ProbeRequest {
    ProbeRequest {
        plugin_folders: folders.plugins.clone(),
        data_folders: folders.data.clone(),
        cache_folder: folders.cache.clone(),
        asks: vec![Ask {
            uses,
            weights: None,
        }],
        folder: folder.to_owned(),
        call_path: PathBuf::new(),
        plans: Vec::new(),
        explain: false,
        source_weights: Vec::new(),
        blueprint: None,
        compare: false,
    }
}

/// Plugins, and the files of a run, know paths as text.
fn is_text(path: &Path) -> Result<(), Failure> {
    if path.to_str().is_some() {
        return Ok(());
    }
    let failure = Failure::new(
        WRONG_USE,
        format!("the path {path:?} is not UTF-8, which plugins and files of runs cannot be told"),
    );
    Err(failure.hint("give the file or the folder a name in UTF-8"))
}

/// Whether this is how runs are named: `latest`, or a number, alone or before a name.
fn names_a_run(path: &Path) -> bool {
    let name = path.to_str().unwrap_or_default();
    let number = name.split_once('-').map_or(name, |(number, _)| number);
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    name == "latest" || is_number && path.extension().is_none()
}

fn read(arguments: &FileArguments) -> Result<Draft, Failure> {
    let path = &arguments.file;
    let text = std::fs::read_to_string(path).map_err(|error| {
        let reason = reason(&error);
        let failure = Failure::new(
            WRONG_USE,
            format!("cannot read the experiment `{}`: {reason}", path.display()),
        );
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        match (missing, nearest_file(path)) {
            (true, _) if names_a_run(path) => failure.hint(format!(
                "runs have numbers: `topwork runs show {0}` shows one, `topwork resume {0}` goes on with it; an experiment is a TOML file",
                path.display()
            )),
            (true, Some(nearest)) => failure.hint(format!("did you mean `{nearest}`?")),
            (_, _) => failure,
        }
    })?;
    let mut name = path.display().to_string();
    let mut text = text;
    if !arguments.seeds.is_empty() || !arguments.sets.is_empty() {
        text = apply_overrides(&text, &arguments.seeds, &arguments.sets)
            .map_err(|error| Failure::new(WRONG_USE, error.to_string()))?;
        name.push_str(" (with --seed and --set)");
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    Ok(Draft::read(&name, &text, folder))
}

/// The experiment in the same folder whose name is closest.
fn nearest_file(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_string_lossy().into_owned();
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let files = std::fs::read_dir(folder).ok()?.flatten();
    let names = files.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let experiments = names.filter(|name| Path::new(name).extension() == Some("toml".as_ref()));
    let (name, similarity) = most_alike(&wanted, experiments, |name| name)?;
    (similarity > 0.8).then(|| folder.join(name).display().to_string())
}

/// Asks a child process about plugins: whatever their code does, it does it there. No plugin at all is a failure.
pub fn ask(request: &ProbeRequest) -> Result<ProbeAnswer, Failure> {
    let paths = (request.plugin_folders.iter())
        .chain(&request.data_folders)
        .chain([&request.cache_folder, &request.folder]);
    paths.map(PathBuf::as_path).try_for_each(is_text)?;
    let notes = folders::temporary("topwork-look-")?;
    let request = ProbeRequest {
        call_path: notes.path().join("call"),
        ..request.clone()
    };
    let limit = request.limit();
    let looking = Looking::new(request.progress_path());
    let ended = child::ask("probe", &request, &request.call_path, limit, || {
        looking.tell()
    });
    looking.end();
    let wrong = match ended? {
        Ending::Answer(answer) => {
            plugins::are_there(&answer, &request.plugin_folders)?;
            return Ok(answer);
        }
        Ending::Hung(call) => format!("hung: no answer within {} s{call}", limit.as_secs()),
        Ending::Crashed(crash) => crash,
    };
    Err(Failure::new(WRONG_PLUGIN, wrong).hint(format!(
        "plugins are loaded from {}",
        listed(&request.plugin_folders)
    )))
}

const LOOKING: &str = "looking at the plugins and the data";

/// What a terminal shows of a look that takes its time: a dataset may decode thousands of images.
struct Looking {
    since: Instant,
    bar: ProgressBar,
    /// Where the child says how far it is.
    progress: PathBuf,
}

impl Looking {
    fn new(progress: PathBuf) -> Self {
        // Draws nothing before it is told to, and never into a pipe.
        let bar = ProgressBar::new_spinner().with_message(LOOKING);
        let since = Instant::now();
        Self {
            since,
            bar,
            progress,
        }
    }

    fn tell(&self) {
        if self.since.elapsed() < Duration::from_secs(1) {
            return;
        }
        // Empty while the child is writing it: what was last said stands.
        let far = std::fs::read_to_string(&self.progress).unwrap_or_default();
        if !far.is_empty() {
            self.bar.set_message(format!("{LOOKING}: {far}"));
        }
        self.bar.tick();
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// The child's side of [`ask`].
pub fn answer_probe() -> Result<u8, Failure> {
    child::answer(probe)
}

/// Folders as a sentence names them.
pub fn listed(folders: &[PathBuf]) -> String {
    let names: Vec<_> = folders
        .iter()
        .map(|folder| format!("`{}`", folder.display()))
        .collect();
    names.join(", ")
}
