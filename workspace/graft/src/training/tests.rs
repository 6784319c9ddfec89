//! A training that is broken off and goes on comes to the same as one that is not.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use proptest::prelude::*;
use topwork_engine::Blueprint;
use topwork_host::Level;
use topwork_schema::{ClassWeights, Optimizer, Schedule};

use super::*;
use crate::{Halt, data::Augment};

/// What outlives a session of a training.
#[derive(Default)]
struct Memory {
    /// The newest last.
    checkpoints: Mutex<Vec<Vec<u8>>>,
    epochs: Mutex<Vec<EpochFigures>>,
    log: Mutex<Vec<(Level, String)>>,
}

/// One session's services.
struct Session<'a> {
    memory: &'a Memory,
    every: Duration,
    stop: &'a AtomicBool,
}

#[derive(Debug, thiserror::Error)]
#[error("stopped")]
struct Stopped;

impl Services for Session<'_> {
    fn check_stop(&self) -> Result<(), Halt> {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(Halt {
                stopped: true,
                cause: Box::new(Stopped),
            }),
            false => Ok(()),
        }
    }

    fn epoch_ended(&self, figures: &EpochFigures) -> Result<(), Halt> {
        let mut epochs = self.memory.epochs.lock().unwrap();
        epochs.retain(|known| known.epoch < figures.epoch);
        epochs.push(*figures);
        Ok(())
    }

    fn epochs_before(&self, ended: &[EpochFigures]) -> Result<(), Halt> {
        ended
            .iter()
            .try_for_each(|figures| self.epoch_ended(figures))
    }

    fn log(&self, level: Level, _: &str, text: String) -> Result<(), Halt> {
        self.memory.log.lock().unwrap().push((level, text));
        Ok(())
    }

    fn checkpoint_every(&self) -> Duration {
        self.every
    }

    fn keep_checkpoint(&self, state: &[u8]) -> Result<(), Halt> {
        self.memory.checkpoints.lock().unwrap().push(state.to_vec());
        Ok(())
    }

    fn checkpoints(&self, read: &mut dyn FnMut(&[u8]) -> Result<(), String>) -> Result<(), Halt> {
        let mut checkpoints = self.memory.checkpoints.lock().unwrap();
        while let Some(newest) = checkpoints.last() {
            let Err(reason) = read(newest) else { break };
            self.log(Level::Warning, "topwork", reason)?;
            checkpoints.pop();
        }
        Ok(())
    }
}

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
struct Noisy<'a> {
    breaks: Option<Break>,
    read: AtomicUsize,
    stop: &'a AtomicBool,
}

impl Samples for Noisy<'_> {
    fn read(
        &self,
        examples: &[usize],
        inputs: &mut Vec<f32>,
        vary: Option<&mut Stream>,
    ) -> Result<(), GraftError> {
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
            Some(Break::Killed(at)) if read == at => Err(GraftError::System {
                action: "live",
                reason: "killed".to_owned(),
            }),
            Some(Break::Stopped(at)) if read == at => {
                self.stop.store(true, Ordering::Relaxed);
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

    /// Trains with what `memory` has kept until the end, or until the session is broken off.
    fn trained(
        &self,
        memory: &Memory,
        breaks: Option<Break>,
    ) -> Result<(Trained, Vec<EpochFigures>), GraftError> {
        let stop = AtomicBool::new(false);
        let session = Session {
            memory,
            every: match breaks {
                Some(Break::Killed(_)) => Duration::ZERO,
                _ => Duration::MAX,
            },
            stop: &stop,
        };
        let compute = Compute::new(2).unwrap();
        let labels: Vec<u32> = (0..43).map(|example| example % 3).collect();
        let examples: Vec<usize> = (0..43).filter(|example| example % 7 != 0).collect();
        let training = Training {
            compute: &compute,
            services: &session,
            settings: &self.settings,
            samples: &Noisy {
                breaks,
                read: AtomicUsize::new(0),
                stop: &stop,
            },
            examples: &examples,
            targets: Targets::Classes(&labels),
            groups: None,
            classes: 3,
            seed: self.seed,
            role: "source",
            unfreeze: self.unfreeze.clone(),
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
        let known = memory.epochs.lock().unwrap().clone();
        Ok((trained, known))
    }

    /// The same, without what a clock has measured.
    fn session(&self, memory: &Memory, breaks: Option<Break>) -> Result<Outcome, GraftError> {
        let (trained, figures) = self.trained(memory, breaks)?;
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
        self.session(&Memory::default(), None).unwrap()
    }

    /// The outcome when one session after the other is broken off as `breaks` says, and the last
    /// one is not; and how many were.
    fn broken(&self, breaks: impl IntoIterator<Item = Break>) -> (Outcome, usize) {
        let memory = Memory::default();
        let mut broken = 0;
        for one in breaks {
            match self.session(&memory, Some(one)) {
                Ok(outcome) => return (outcome, broken),
                Err(GraftError::Halted(_) | GraftError::System { .. }) => broken += 1,
                Err(error) => panic!("{one:?}: {error}"),
            }
        }
        (self.session(&memory, None).unwrap(), broken)
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
        loss: None,
        huber_delta: None,
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

/// The lines of the log of this level.
fn log(memory: &Memory, wanted: Level) -> Vec<String> {
    let log = memory.log.lock().unwrap();
    let lines = log.iter().filter(|(level, _)| *level == wanted);
    lines.map(|(_, text)| text.clone()).collect()
}

fn checkpoints(memory: &Memory) -> Vec<Vec<u8>> {
    memory.checkpoints.lock().unwrap().clone()
}

#[test]
fn it_says_where_it_goes_on() {
    let check = |breaks: &[usize], expected: &[&str]| {
        let memory = Memory::default();
        for at in breaks {
            let _ = staged().session(&memory, Some(Break::Killed(*at)));
        }
        staged().session(&memory, None).unwrap();
        assert_eq!(log(&memory, Level::Info), expected, "{breaks:?}");
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
    let memory = Memory::default();
    let stopped = staged().session(&memory, Some(Break::Stopped(2)));
    assert!(matches!(stopped, Err(GraftError::Halted(halt)) if halt.stopped));
    let before = checkpoints(&memory);
    assert_eq!(before.len(), 1);
    // A stop before anything new was learnt leaves it as it is.
    let killed = staged().session(&memory, Some(Break::Killed(0)));
    assert!(killed.is_err());
    assert_eq!(checkpoints(&memory), before);
}

#[test]
fn what_is_no_checkpoint_is_not_used_but_the_one_before() {
    let memory = Memory::default();
    let _ = staged().session(&memory, Some(Break::Killed(10)));
    for content in [&b""[..], b"nothing of the kind", &[0; 64]] {
        memory.checkpoints.lock().unwrap().push(content.to_vec());
    }
    assert_eq!(staged().session(&memory, None).unwrap(), staged().once());
    assert_eq!(log(&memory, Level::Warning).len(), 3);
    assert!(log(&memory, Level::Info).contains(&"goes on from epoch 3, step 2".to_owned()));
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
        let memory = Memory::default();
        let _ = staged().session(&memory, Some(Break::Killed(9)));
        let mut other = staged();
        change(&mut other);
        assert_eq!(
            other.session(&memory, None).unwrap(),
            other.once(),
            "{number}"
        );
        let warnings = log(&memory, Level::Warning);
        let foreign = |warning: &String| warning.ends_with("it belongs to another training");
        assert!(!warnings.is_empty() && warnings.iter().all(foreign));
    }
}

#[test]
fn what_its_hearers_have_lost_is_told_again() {
    let memory = Memory::default();
    let _ = staged().session(&memory, Some(Break::Killed(13)));
    memory.epochs.lock().unwrap().clear();
    assert_eq!(staged().session(&memory, None).unwrap(), staged().once());
}

#[test]
fn a_training_that_is_over_is_not_done_again() {
    for case in [staged(), adam(), soon_over()] {
        let memory = Memory::default();
        let outcome = case.session(&memory, Some(Break::Killed(1000))).unwrap();
        // It would be killed by the first batch that is read.
        let again = case.session(&memory, Some(Break::Killed(0))).unwrap();
        assert_eq!(again, outcome);
    }
}

#[test]
fn time_is_summed_over_sessions() {
    let memory = Memory::default();
    for steps in [3, 2] {
        let _ = adam().trained(&memory, Some(Break::Killed(steps)));
    }
    let (trained, figures) = adam().trained(&memory, None).unwrap();
    assert!(figures[0].seconds > 0.0);
    assert!(trained.earlier_seconds >= figures[0].seconds);
    let memory = Memory::default();
    let (trained, _) = adam().trained(&memory, None).unwrap();
    assert_eq!(trained.earlier_seconds, 0.0);
}

/// Checkpoints of classes from before there were losses to be chosen are recognised by this text.
#[test]
fn a_training_of_classes_is_recognised_as_ever() {
    let settings = train(Optimizer::Adam, 0.5, Schedule::Constant);
    let expected = "Train { epochs: 4, batch_size: 8, optimizer: Adam, learning_rate: 0.5, momentum: 0.0, nesterov: false, \
                    weight_decay: 0.0, schedule: Constant, warm_up: 0.0, label_smoothing: 0.0, class_weights: None, \
                    clip_norm: None, validation: 0.0, patience: None, augment: None }";
    assert_eq!(super::settings::recognised(&settings), expected);
    let huber = Train {
        loss: Some(topwork_schema::Loss::Huber),
        ..settings
    };
    assert!(super::settings::recognised(&huber).contains("loss: Some(Huber)"));
}
