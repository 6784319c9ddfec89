//! A training that is broken off and goes on comes to the same as one that is not.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use proptest::prelude::*;
use topwork_engine::Blueprint;
use topwork_events::{LogLevel, RunPlan, StageKind, StagePlan};
use topwork_schema::{ClassWeights, Optimizer, Schedule};
use topwork_store::{CallRecorder, RunFolder};

use super::*;
use crate::{augment::Augment, emitter::Stop, watchdog::Watchdog};

const SHAPE: [usize; 3] = [1, 6, 6];

const TRUNK: &str = r#"{"format": 1, "input": [1, 6, 6], "layers": [
    {"name": "conv", "op": "conv2d", "filters": 4, "kernel": [3, 3]},
    {"name": "norm", "op": "batch-norm2d"},
    {"name": "relu", "op": "relu"},
    {"name": "pool", "op": "max-pool2d", "kernel": [2, 2]},
    {"name": "flatten", "op": "flatten"}]}"#;

const HEAD: &str = r#"{"format": 1, "input": [16], "layers": [
    {"name": "hidden", "op": "linear", "units": 8},
    {"name": "relu", "op": "relu"},
    {"name": "dropout", "op": "dropout", "rate": 0.4},
    {"name": "logits", "op": "linear", "units": 3}]}"#;

/// What is trained, and how.
#[derive(Clone)]
struct Case {
    settings: Train,
    trunk: Vec<f32>,
    unfreeze: Option<(usize, Vec<f32>)>,
    seed: u64,
}

/// How a session of a training ends before its time, counted in batches it learns from.
#[derive(Clone, Copy, Debug)]
enum Break {
    /// As if the process were killed: the checkpoint of the last step is all that is left.
    Killed(usize),
    /// The user asks for a stop: somewhere about that batch.
    Stopped(usize),
}

/// What a training comes to, all that a clock has measured left out.
#[derive(Clone, Debug, PartialEq)]
struct Outcome {
    /// Weights and buffers.
    digests: Vec<String>,
    epochs: usize,
    figures: Vec<EpochFigures>,
}

/// Images of three classes, varied by chance.
struct Noisy {
    breaks: Option<Break>,
    read: AtomicUsize,
    stop: Arc<Stop>,
}

impl Samples for Noisy {
    fn read(
        &self,
        examples: &[usize],
        inputs: &mut Vec<f32>,
        vary: Option<&mut Stream>,
    ) -> Result<(), WorkerError> {
        inputs.clear();
        for &example in examples {
            let mut noise = Stream::new(example as u64, "image");
            let row = example % 3 * 2;
            inputs.extend((0..36).map(|place| match place / 6 == row {
                true => noise.uniform(0.5, 1.0),
                false => noise.uniform(0.0, 0.7),
            }));
        }
        let Some(stream) = vary else { return Ok(()) };
        let augment = topwork_schema::Augment {
            shift: 1,
            rotate: 10.0,
            flip: true,
            crop: 1,
        };
        Augment::from(&augment).apply(inputs, SHAPE, stream);
        let read = self.read.fetch_add(1, Ordering::Relaxed);
        match self.breaks {
            Some(Break::Killed(at)) if read == at => Err(WorkerError::System {
                action: "live",
                reason: "killed".to_owned(),
            }),
            Some(Break::Stopped(at)) if read == at => {
                self.stop.asked.store(true, Ordering::Relaxed);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Case {
    fn new(settings: Train) -> Self {
        Self {
            settings,
            trunk: vec![1.0; 5],
            unfreeze: None,
            seed: 1,
        }
    }

    /// Trains in the run folder at `path` until the end, or until the session is broken off.
    fn trained(
        &self,
        path: &Path,
        breaks: Option<Break>,
    ) -> Result<(Trained, Vec<EpochFigures>), WorkerError> {
        let folder = RunFolder::at(path);
        fs::create_dir_all(path).unwrap();
        let stop = Arc::new(Stop::default());
        let emitter = Emitter::new(
            folder.event_writer().unwrap(),
            Arc::new(Watchdog::new(
                CallRecorder::create(&folder.call_path()).unwrap(),
            )),
            folder.state().unwrap(),
            Arc::clone(&stop),
        );
        if emitter.look(|run| run.plan.is_none()) {
            let stage = StagePlan {
                kind: StageKind::Source,
                title: "source".to_owned(),
                seed: Some(1),
                row: None,
            };
            let stages = vec![stage];
            let plan = RunPlan {
                stages,
                ..RunPlan::default()
            };
            emitter.emit(Event::RunStarted(plan)).unwrap();
        }
        emitter.begin(0).unwrap();
        let compute = Compute::new(2).unwrap();
        let labels: Vec<u32> = (0..43).map(|example| example % 3).collect();
        let examples: Vec<usize> = (0..43).filter(|example| example % 7 != 0).collect();
        let checkpoints = TrainingCheckpoints {
            store: folder.checkpoints(),
            every: match breaks {
                Some(Break::Killed(_)) => Duration::ZERO,
                _ => Duration::MAX,
            },
        };
        let training = Training {
            compute: &compute,
            emitter: &emitter,
            settings: &self.settings,
            samples: &Noisy {
                breaks,
                read: AtomicUsize::new(0),
                stop,
            },
            examples: &examples,
            labels: &labels,
            classes: 3,
            seed: self.seed,
            role: "source",
            unfreeze: self.unfreeze.clone(),
            checkpoints: &checkpoints,
        };
        let network = |json: &str, name| {
            Network::init(
                &Blueprint::parse(json).unwrap(),
                &mut Stream::new(self.seed, name),
            )
        };
        let parts = vec![
            Part::with(network(TRUNK, "trunk"), self.trunk.clone()).unwrap(),
            Part::trained(network(HEAD, "head")),
        ];
        let trained = training.run(parts)?;
        let known = emitter.look(|run| run.stages[0].epochs.clone());
        assert_eq!(folder.state().unwrap().stages[0].epochs, known);
        Ok((trained, known))
    }

    /// The same, without what a clock has measured.
    fn session(&self, path: &Path, breaks: Option<Break>) -> Result<Outcome, WorkerError> {
        let (trained, figures) = self.trained(path, breaks)?;
        let without_time = |figures| EpochFigures {
            seconds: 0.0,
            per_second: 0.0,
            ..figures
        };
        Ok(Outcome {
            digests: trained.networks.iter().map(Network::digest).collect(),
            epochs: trained.epochs,
            figures: figures.into_iter().map(without_time).collect(),
        })
    }

    /// The outcome without a break.
    fn once(&self) -> Outcome {
        let temp = tempfile::tempdir().unwrap();
        self.session(temp.path(), None).unwrap()
    }

    /// The outcome when one session after the other is broken off as `breaks` says, and the last
    /// one is not; and how many were.
    fn broken(&self, breaks: impl IntoIterator<Item = Break>) -> (Outcome, usize) {
        let temp = tempfile::tempdir().unwrap();
        let mut broken = 0;
        for one in breaks {
            match self.session(temp.path(), Some(one)) {
                Ok(outcome) => return (outcome, broken),
                Err(WorkerError::Stopped | WorkerError::System { .. }) => broken += 1,
                Err(error) => panic!("{one:?}: {error}"),
            }
        }
        (self.session(temp.path(), None).unwrap(), broken)
    }
}

fn train(optimizer: Optimizer, learning_rate: f64, schedule: Schedule) -> Train {
    Train {
        epochs: 4,
        batch_size: 8,
        optimizer,
        learning_rate,
        momentum: 0.0,
        nesterov: false,
        weight_decay: 0.0,
        schedule,
        warm_up: 0.0,
        label_smoothing: 0.0,
        class_weights: None,
        clip_norm: None,
        validation: 0.0,
        patience: None,
        augment: None,
    }
}

/// One-cycle SGD with everything a strategy can ask for: the trunk is frozen for two epochs, then
/// learns more slowly, and the epoch that was best on samples held out is kept.
fn staged() -> Case {
    let settings = Train {
        epochs: 5,
        momentum: 0.9,
        nesterov: true,
        weight_decay: 0.01,
        validation: 0.3,
        patience: Some(4),
        ..train(Optimizer::Sgd, 0.1, Schedule::OneCycle)
    };
    Case {
        trunk: vec![0.0; 5],
        unfreeze: Some((2, vec![0.3, 0.3, 1.0, 1.0, 1.0])),
        ..Case::new(settings)
    }
}

fn adam() -> Case {
    Case::new(Train {
        warm_up: 0.5,
        label_smoothing: 0.1,
        clip_norm: Some(0.5),
        class_weights: Some(ClassWeights::Balanced),
        ..train(Optimizer::Adam, 0.01, Schedule::Cosine)
    })
}

fn adamw() -> Case {
    let every_other = Schedule::Step {
        every: 2,
        factor: 0.5,
    };
    let settings = Train {
        weight_decay: 0.1,
        validation: 0.2,
        ..train(Optimizer::AdamW, 0.02, every_other)
    };
    Case {
        trunk: vec![0.0, 0.0, 1.0, 1.0, 1.0],
        ..Case::new(settings)
    }
}

/// Learns so wildly that the samples held out soon get worse.
fn soon_over() -> Case {
    Case::new(Train {
        epochs: 30,
        momentum: 0.9,
        validation: 0.3,
        patience: Some(2),
        ..train(Optimizer::Sgd, 0.5, Schedule::Constant)
    })
}

#[test]
fn killed_after_any_step_it_comes_to_the_same() {
    for (name, case, steps) in [("staged", staged(), 20), ("adam", adam(), 20)] {
        let once = case.once();
        assert_eq!(once, case.once(), "{name}");
        for step in 0..steps {
            let (outcome, broken) = case.broken([Break::Killed(step)]);
            assert_eq!(outcome, once, "{name}, killed after step {step}");
            assert_eq!(broken, 1);
        }
    }
}

#[test]
fn killed_again_and_again_it_comes_to_the_same() {
    for (name, case) in [
        ("staged", staged()),
        ("adam", adam()),
        ("adamw", adamw()),
        ("soon over", soon_over()),
    ] {
        let once = case.once();
        for steps in [1, 3, 4, 7] {
            let (outcome, broken) = case.broken([Break::Killed(steps); 100]);
            assert_eq!(outcome, once, "{name}, killed every {steps} steps");
            assert!(broken >= 11 / steps, "{name}: {broken} times");
        }
    }
    assert!(soon_over().once().epochs < 30);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn broken_off_anyhow_it_comes_to_the_same(
        which in 0_usize..4,
        breaks in prop::collection::vec((any::<bool>(), 0_usize..12), 1..8),
    ) {
        let case = [staged, adam, adamw, soon_over][which]();
        let breaks = breaks.into_iter().map(|(killed, at)| match killed {
            true => Break::Killed(at),
            false => Break::Stopped(at),
        });
        prop_assert_eq!(case.broken(breaks).0, case.once());
    }
}

/// The lines of the log that matter at least as much.
fn log(path: &Path, level: LogLevel) -> Vec<String> {
    let state = RunFolder::at(path).state().unwrap();
    let lines = state.log.iter().filter(|line| line.level >= level);
    lines.map(|line| line.text.clone()).collect()
}

fn checkpoint_files(path: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(path.join("checkpoints/training")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn it_says_where_it_goes_on() {
    let check = |breaks: &[usize], expected: &[&str]| {
        let temp = tempfile::tempdir().unwrap();
        for at in breaks {
            let _ = staged().session(temp.path(), Some(Break::Killed(*at)));
        }
        staged().session(temp.path(), None).unwrap();
        assert_eq!(log(temp.path(), LogLevel::Info), expected, "{breaks:?}");
    };
    check(&[], &[]);
    check(&[0], &[]);
    check(&[3], &["goes on from epoch 1, step 3"]);
    check(
        &[6, 2],
        &[
            "goes on from epoch 2, step 2",
            "goes on from epoch 2, step 4",
        ],
    );
}

#[test]
fn a_stop_keeps_what_was_learnt() {
    let temp = tempfile::tempdir().unwrap();
    let stopped = staged().session(temp.path(), Some(Break::Stopped(2)));
    assert!(matches!(stopped, Err(WorkerError::Stopped)));
    assert_eq!(checkpoint_files(temp.path()).len(), 1);
    // A stop before anything new was learnt leaves it as it is.
    let before = fs::read(&checkpoint_files(temp.path())[0]).unwrap();
    let killed = staged().session(temp.path(), Some(Break::Killed(0)));
    assert!(killed.is_err());
    assert_eq!(fs::read(&checkpoint_files(temp.path())[0]).unwrap(), before);
}

#[test]
fn a_damaged_checkpoint_is_told_and_the_one_before_used() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path();
    let _ = staged().session(path, Some(Break::Killed(10)));
    let newest = checkpoint_files(path).pop().unwrap();
    let mut content = fs::read(&newest).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(&newest, content).unwrap();
    assert_eq!(staged().session(path, None).unwrap(), staged().once());
    let warnings = log(path, LogLevel::Warning);
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("SHA-256 differs"), "{}", warnings[0]);
    assert!(log(path, LogLevel::Info).contains(&"goes on from epoch 3, step 1".to_owned()));
}

#[test]
fn a_checkpoint_of_another_training_is_not_used() {
    let others: [fn(&mut Case); 5] = [
        |case| case.seed = 2,
        |case| case.settings.learning_rate *= 1.01,
        |case| case.settings.epochs += 1,
        |case| case.trunk[1] = 0.5,
        |case| case.unfreeze = None,
    ];
    for (number, change) in others.into_iter().enumerate() {
        let temp = tempfile::tempdir().unwrap();
        let _ = staged().session(temp.path(), Some(Break::Killed(9)));
        let mut other = staged();
        change(&mut other);
        assert_eq!(
            other.session(temp.path(), None).unwrap(),
            other.once(),
            "{number}"
        );
        let warnings = log(temp.path(), LogLevel::Warning);
        assert_eq!(warnings.len(), 2);
        assert!(warnings[0].ends_with("it belongs to another training"));
    }
}

#[test]
fn what_the_event_stream_has_lost_is_told_again() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path();
    let _ = staged().session(path, Some(Break::Killed(13)));
    fs::remove_file(path.join("events.jsonl")).unwrap();
    assert_eq!(staged().session(path, None).unwrap(), staged().once());
}

#[test]
fn a_training_that_is_over_is_not_done_again() {
    for case in [staged(), adam(), soon_over()] {
        let temp = tempfile::tempdir().unwrap();
        let outcome = case
            .session(temp.path(), Some(Break::Killed(1000)))
            .unwrap();
        // It would be killed by the first batch that is read.
        let again = case.session(temp.path(), Some(Break::Killed(0))).unwrap();
        assert_eq!(again, outcome);
    }
}

#[test]
fn time_is_summed_over_sessions() {
    let temp = tempfile::tempdir().unwrap();
    for steps in [3, 2] {
        let _ = adam().trained(temp.path(), Some(Break::Killed(steps)));
    }
    let (trained, figures) = adam().trained(temp.path(), None).unwrap();
    assert!(figures[0].seconds > 0.0);
    assert!(trained.earlier_seconds >= figures[0].seconds);
    let temp = tempfile::tempdir().unwrap();
    let (trained, _) = adam().trained(temp.path(), None).unwrap();
    assert_eq!(trained.earlier_seconds, 0.0);
}
