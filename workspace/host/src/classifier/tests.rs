//! Which calls on one instance overlap, seen from a classifier made by hand.

use super::*;
use crate::library::initialise;
use crate::{Options, Silent};
use std::collections::HashMap;
use std::ffi::c_void;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// What an instance sees of its own calls.
#[derive(Default)]
struct Seen {
    /// `predict` calls running now.
    predicting: AtomicU32,
    /// The most of them at one time.
    most: AtomicU32,
    /// Whether `save` met one of them.
    met: AtomicBool,
}

/// Waits until something is seen, but not for ever.
fn wait(seen: impl Fn() -> bool) {
    let begun = Instant::now();
    while !seen() && begun.elapsed() < Duration::from_secs(1) {
        std::thread::sleep(Duration::from_millis(1));
    }
}

unsafe extern "C" fn create(
    _: *const abi::HostServices,
    _: abi::Text,
    instance: *mut abi::Instance,
    _: *const abi::Sink,
) -> abi::Status {
    let seen: &'static Seen = Box::leak(Box::default());
    // SAFETY: the host lends the place for this call.
    unsafe { *instance = std::ptr::from_ref(seen).cast_mut().cast() };
    abi::Status::OK
}

unsafe extern "C" fn destroy(_: abi::Instance) {}

unsafe extern "C" fn predict(
    instance: abi::Instance,
    _: *const abi::Features,
    _: usize,
    scores: *mut f32,
    _: *const abi::Sink,
) -> abi::Status {
    // SAFETY: `create` gave out a leaked `Seen`.
    let seen = unsafe { &*instance.cast::<Seen>() };
    let predicting = seen.predicting.fetch_add(1, Ordering::SeqCst) + 1;
    seen.most.fetch_max(predicting, Ordering::SeqCst);
    // For the call that the test makes meanwhile.
    wait(|| seen.most.load(Ordering::SeqCst) > 1 || seen.met.load(Ordering::SeqCst));
    seen.predicting.fetch_sub(1, Ordering::SeqCst);
    // SAFETY: the tests ask for one score.
    unsafe { *scores = 1.0 };
    abi::Status::OK
}

unsafe extern "C" fn fit(
    _: abi::Instance,
    _: *const abi::Features,
    _: *const u32,
    _: usize,
    _: *const abi::FitOptions,
    _: *mut abi::FitReport,
    _: *const abi::Sink,
    _: *const abi::Sink,
) -> abi::Status {
    abi::Status::UNSUPPORTED
}

unsafe extern "C" fn save(
    instance: abi::Instance,
    _: *const abi::Sink,
    _: *const abi::Sink,
) -> abi::Status {
    // SAFETY: `create` gave out a leaked `Seen`.
    let seen = unsafe { &*instance.cast::<Seen>() };
    let met = seen.predicting.load(Ordering::SeqCst) > 0;
    seen.met.store(met, Ordering::SeqCst);
    abi::Status::OK
}

unsafe extern "C" fn extension(id: abi::Text) -> *const c_void {
    // SAFETY: the host lends the text for this call.
    let id = unsafe { std::slice::from_raw_parts(id.data, id.len) };
    if id == abi::CLASSIFIER_SAVE.as_bytes() {
        (&raw const SAVE).cast()
    } else {
        std::ptr::null()
    }
}

static TABLE: abi::ClassifierTable = abi::ClassifierTable {
    size: size_of::<abi::ClassifierTable>(),
    fit: Some(fit),
    predict: Some(predict),
};

static SAVE: abi::ClassifierSaveTable = abi::ClassifierSaveTable {
    size: size_of::<abi::ClassifierSaveTable>(),
    save: Some(save),
    load: None,
};

static COMPONENT: abi::Component = abi::Component {
    size: size_of::<abi::Component>(),
    kind: abi::Kind::CLASSIFIER_HEAD,
    id: abi::Text::new("watchful"),
    about: abi::Text::new("sees its own calls"),
    parameter_schema: abi::Text::new("{}"),
    create: Some(create),
    destroy: Some(destroy),
    table: (&raw const TABLE).cast(),
    extension: Some(extension),
    context: std::ptr::null(),
    create_in_context: None,
};

fn classifier() -> Classifier {
    let components: &'static [&'static abi::Component] = Box::leak(Box::new([&COMPONENT]));
    let entry = abi::Entry {
        size: size_of::<abi::Entry>(),
        abi_major: abi::ABI_MAJOR,
        abi_minor: abi::ABI_MINOR,
        id: abi::Text::new("watchful"),
        version: abi::Text::new("1.0"),
        licence: abi::Text::new("MIT"),
        init: None,
        deinit: None,
        components: components.as_ptr().cast(),
        component_count: components.len(),
    };
    let options = Options {
        folders: Vec::new(),
        data_folders: Vec::new(),
        cache_folder: PathBuf::new(),
        threads: 2,
        observer: Arc::new(Silent),
    };
    let (path, digest, others) = (Path::new("watchful"), String::new(), HashMap::new());
    // SAFETY: the entry is sound, and what it points to is never released.
    let opened = unsafe { initialise(&raw const entry, path, digest, &options, &others) }.unwrap();
    Classifier::create(&Arc::new(opened), 0, &Value::Null).unwrap()
}

fn seen(classifier: &Classifier) -> &'static Seen {
    let mut found = std::ptr::null();
    let look = |instance: abi::Instance, _: *const abi::Sink| {
        found = instance.cast::<Seen>().cast_const();
        abi::Status::OK
    };
    classifier
        .instance
        .call_in_parallel("looking", look)
        .unwrap();
    // SAFETY: `create` gave out a leaked `Seen`.
    unsafe { &*found }
}

#[test]
fn a_state_is_not_saved_while_another_thread_predicts() {
    let classifier = classifier();
    let seen = seen(&classifier);
    std::thread::scope(|scope| {
        scope.spawn(|| classifier.predict(&[0.0], 1, 1, 1).unwrap());
        wait(|| seen.predicting.load(Ordering::SeqCst) == 1);
        classifier.save().unwrap().unwrap();
    });
    assert!(!seen.met.load(Ordering::SeqCst));
}

#[test]
fn two_threads_predict_at_once() {
    let classifier = classifier();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| classifier.predict(&[0.0], 1, 1, 1).unwrap());
        }
    });
    assert_eq!(seen(&classifier).most.load(Ordering::SeqCst), 2);
}

#[test]
fn probabilities_are_told_from_what_is_none() {
    let third = 1.0 / 3.0;
    let cases: [(&[f32], Option<&str>); 9] = [
        (&[0.0, 1.0, 0.0], None),
        (&[third, third, third], None),
        (&[-0.0, 0.5, 0.5], None),
        (&[0.3, 0.3, 0.3995], None),
        (&[0.3, 0.3, 0.4005], None),
        (
            &[0.5, -0.25, 0.75],
            Some("probability -0.25 for class 1 of sample 0, expected 0 to 1"),
        ),
        (
            &[0.0, 1.0, 0.0, 0.5, 0.25, 0.125],
            Some(
                "probabilities of sample 1 that add up to 0.875, the largest 0.5 for class 0, expected a sum of 1",
            ),
        ),
        (
            &[2.0, 3.0, 0.0],
            Some(
                "probabilities of sample 0 that add up to 5, the largest 3 for class 1, expected a sum of 1",
            ),
        ),
        (
            &[f32::MAX, f32::MAX, 0.0],
            Some(
                "probabilities of sample 0 that add up to 680564693277057700000000000000000000000, the largest 340282350000000000000000000000000000000 for class 0, expected a sum of 1",
            ),
        ),
    ];
    for (scores, problem) in cases {
        assert_eq!(
            no_probabilities(scores, 3).as_deref(),
            problem,
            "{scores:?}"
        );
    }
}
