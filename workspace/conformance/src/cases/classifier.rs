//! Cases about classifier heads: fitting, predicting, determinism, saving.

use super::{advise, case, expect, joined, same};
use crate::inputs::{Clouds, numbers};
use crate::subject::{Subject, Tried, classifier};
use crate::{Case, Outcome};
use topwork_host::{Classifier, Fit, FitOptions, Kind};

pub const CLASSIFIER: &[Kind] = &[Kind::ClassifierHead];

pub const CASES: &[Case] = &[
    case!(
        "classifier-learns",
        CLASSIFIER,
        "clouds of samples that do not overlap are told apart",
        learns
    ),
    case!(
        "classifier-report",
        CLASSIFIER,
        "the report says that an easy fit converged, with a note of one line at most",
        report
    ),
    case!(
        "classifier-alike",
        CLASSIFIER,
        "the same seed gives the same scores to the bit, for another instance as well",
        alike
    ),
    case!(
        "classifier-threads",
        CLASSIFIER,
        "one thread and four give the same scores to the bit",
        threads
    ),
    case!(
        "classifier-refit",
        CLASSIFIER,
        "a second fit, with other classes and dimensions, forgets the first",
        refit
    ),
    case!(
        "classifier-predict-again",
        CLASSIFIER,
        "predicting changes nothing: the same scores the next time",
        predict_again
    ),
    case!(
        "classifier-predict-alone",
        CLASSIFIER,
        "a sample is given the same class alone and among others",
        predict_alone
    ),
    case!(
        "classifier-predict-parallel",
        CLASSIFIER,
        "threads are given the scores that one alone is given",
        predict_parallel
    ),
    case!(
        "classifier-save",
        CLASSIFIER,
        "a saved and loaded classifier gives the same scores to the bit",
        save
    ),
    case!(
        "classifier-load-garbage",
        CLASSIFIER,
        "a state that is altered, cut off or none is refused",
        load_garbage
    ),
    case!(
        "classifier-stop",
        CLASSIFIER,
        "a fit that is asked to stop does so, or ends in time",
        stop
    ),
    case!(
        "classifier-instances",
        CLASSIFIER,
        "instances do not share what they have learnt",
        instances
    ),
];

/// Three classes in eight dimensions.
pub fn clouds() -> Clouds {
    Clouds::new(3, 3, 20, 8)
}

pub fn fit_with(
    subject: &Subject,
    classifier: &mut Classifier,
    clouds: &Clouds,
    options: FitOptions,
) -> Tried<Fit> {
    let (data, labels) = (&clouds.data, &clouds.labels);
    let (samples, dimensions) = (clouds.samples(), clouds.dimensions);
    classifier
        .fit(data, samples, dimensions, labels, clouds.classes, options)
        .map_err(|error| subject.fault(&error))
}

pub const USUAL: FitOptions = FitOptions {
    seed: 1,
    threads: 1,
};

/// A new instance, fitted.
pub fn fitted(subject: &Subject, clouds: &Clouds) -> Tried<Classifier> {
    let mut classifier = subject.classifier()?;
    fit_with(subject, &mut classifier, clouds, USUAL)?;
    Ok(classifier)
}

pub fn scores(subject: &Subject, classifier: &Classifier, clouds: &Clouds) -> Tried<Vec<f32>> {
    let (samples, dimensions) = (clouds.samples(), clouds.dimensions);
    (classifier.predict(&clouds.data, samples, dimensions, clouds.classes))
        .map_err(|error| subject.fault(&error))
}

pub fn class(scores: &[f32]) -> usize {
    let best = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    best.map_or(0, |(class, _)| class)
}

fn learns(subject: &Subject) -> Tried<Outcome> {
    let classifier = fitted(subject, &clouds())?;
    let test = Clouds::new(4, 3, 20, 8);
    let scores = scores(subject, &classifier, &test)?;
    let right = (scores.chunks_exact(test.classes).zip(&test.labels))
        .filter(|(scores, label)| class(scores) == **label as usize)
        .count();
    advise(right * 10 >= test.samples() * 9, || {
        format!("{right} of {} right, expected nine of ten", test.samples())
    })?;
    Ok(Outcome::Ok)
}

fn report(subject: &Subject) -> Tried<Outcome> {
    let mut classifier = subject.classifier()?;
    let report = fit_with(subject, &mut classifier, &clouds(), USUAL)?.report;
    let note = report.note.unwrap_or_default();
    advise(report.converged == Some(true), || {
        format!("an easy fit did not converge: {note}")
    })?;
    advise(!note.contains('\n'), || {
        format!("the note has more than one line: {note:?}")
    })?;
    Ok(Outcome::Ok)
}

fn alike(subject: &Subject) -> Tried<Outcome> {
    let clouds = clouds();
    let mut first = fitted(subject, &clouds)?;
    let expected = scores(subject, &first, &clouds)?;
    fit_with(subject, &mut first, &clouds, USUAL)?;
    for again in [first, fitted(subject, &clouds)?] {
        expect(same(&expected, &scores(subject, &again, &clouds)?), || {
            "the same fit gives other scores".to_owned()
        })?;
    }
    Ok(Outcome::Ok)
}

fn threads(subject: &Subject) -> Tried<Outcome> {
    // Enough samples that work is shared.
    let clouds = Clouds::new(5, 4, 300, 24);
    let mut expected: Option<Vec<f32>> = None;
    for threads in [1, 4, 3] {
        let mut classifier = subject.classifier()?;
        let options = FitOptions { seed: 1, threads };
        fit_with(subject, &mut classifier, &clouds, options)?;
        let found = scores(subject, &classifier, &clouds)?;
        let expected = expected.get_or_insert_with(|| found.clone());
        expect(same(expected, &found), || {
            format!("{threads} threads give other scores than one")
        })?;
    }
    Ok(Outcome::Ok)
}

fn refit(subject: &Subject) -> Tried<Outcome> {
    let (before, after) = (clouds(), Clouds::new(6, 2, 15, 5));
    let expected = scores(subject, &fitted(subject, &after)?, &after)?;
    let mut classifier = fitted(subject, &before)?;
    fit_with(subject, &mut classifier, &after, USUAL)?;
    expect(
        same(&expected, &scores(subject, &classifier, &after)?),
        || "it remembers an earlier fit".to_owned(),
    )?;
    Ok(Outcome::Ok)
}

fn predict_again(subject: &Subject) -> Tried<Outcome> {
    let clouds = clouds();
    let classifier = fitted(subject, &clouds)?;
    let first = scores(subject, &classifier, &clouds)?;
    expect(
        same(&first, &scores(subject, &classifier, &clouds)?),
        || "the same samples have other scores the next time".to_owned(),
    )?;
    Ok(Outcome::Ok)
}

fn predict_alone(subject: &Subject) -> Tried<Outcome> {
    let clouds = clouds();
    let classifier = fitted(subject, &clouds)?;
    let together = scores(subject, &classifier, &clouds)?;
    for (number, sample) in clouds.data.chunks_exact(clouds.dimensions).enumerate() {
        let alone = (classifier.predict(sample, 1, clouds.dimensions, clouds.classes))
            .map_err(|error| subject.fault(&error))?;
        let among = &together[number * clouds.classes..][..clouds.classes];
        expect(class(&alone) == class(among), || {
            format!("sample {number} has the scores {alone:?} alone, {among:?} among others")
        })?;
    }
    Ok(Outcome::Ok)
}

fn predict_parallel(subject: &Subject) -> Tried<Outcome> {
    let clouds = clouds();
    let classifier = fitted(subject, &clouds)?;
    let alone = scores(subject, &classifier, &clouds)?;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| scores(subject, &classifier, &clouds)))
            .collect();
        for thread in threads {
            expect(same(&alone, &joined(thread)?), || {
                "threads are given other scores".to_owned()
            })?;
        }
        Ok(Outcome::Ok)
    })
}

/// The state of a fitted classifier; an early end where it cannot be saved.
pub fn state(subject: &Subject, classifier: &Classifier) -> Tried<Vec<u8>> {
    match classifier.save() {
        None => Err(Outcome::Skipped("it does not offer to be saved".to_owned())),
        Some(state) => state.map_err(|error| subject.fault(&error)),
    }
}

fn save(subject: &Subject) -> Tried<Outcome> {
    let clouds = clouds();
    let classifier = fitted(subject, &clouds)?;
    let state = state(subject, &classifier)?;
    let mut loaded = subject.classifier()?;
    match loaded.load(&state) {
        None => return Err(Outcome::Failed("it saves, but does not load".to_owned())),
        Some(result) => result.map_err(|error| Outcome::Failed(error.to_string()))?,
    }
    let expected = scores(subject, &classifier, &clouds)?;
    expect(same(&expected, &scores(subject, &loaded, &clouds)?), || {
        "what was loaded gives other scores".to_owned()
    })?;
    let again = match loaded.save() {
        Some(Ok(again)) => again,
        _ => {
            return Err(Outcome::Failed(
                "what was loaded cannot be saved".to_owned(),
            ));
        }
    };
    advise(again == state, || {
        "what was loaded is saved with other bytes".to_owned()
    })?;
    Ok(Outcome::Ok)
}

fn load_garbage(subject: &Subject) -> Tried<Outcome> {
    let state = state(subject, &fitted(subject, &clouds())?)?;
    let noise: Vec<u8> = (numbers(8, 300).iter())
        .map(|number| (number * 127.0) as i8 as u8)
        .collect();
    let (half, less) = (
        &state[..state.len() / 2],
        &state[..state.len().saturating_sub(1)],
    );
    let garbage: [(&str, &[u8]); 5] = [
        ("no bytes", b""),
        ("noise", &noise),
        ("half of a state", half),
        ("a state without its last byte", less),
        ("text", b"{\"version\": 99}"),
    ];
    for (what, bytes) in garbage {
        let mut classifier = subject.classifier()?;
        match classifier.load(bytes) {
            Some(Ok(())) => return Err(Outcome::Failed(format!("{what} is taken"))),
            Some(Err(error)) => expect(error.kind() == topwork_host::ErrorKind::Data, || {
                format!("{what}, expected the status BAD_DATA: {error}")
            })?,
            None => {}
        }
    }
    Ok(Outcome::Ok)
}

fn stop(subject: &Subject) -> Tried<Outcome> {
    let plugins = subject.open_stopping()?;
    let clouds = Clouds::new(9, 10, 100, 64);
    let mut classifier = classifier(subject.create_of(&plugins)?)?;
    let (samples, dimensions) = (clouds.samples(), clouds.dimensions);
    let fit = classifier.fit(
        &clouds.data,
        samples,
        dimensions,
        &clouds.labels,
        clouds.classes,
        USUAL,
    );
    match fit {
        Ok(_) => Ok(Outcome::Ok),
        Err(error) if error.kind() == topwork_host::ErrorKind::Stopped => Ok(Outcome::Ok),
        Err(error) => Err(Outcome::Failed(format!(
            "expected the status STOPPED or a fit: {error}"
        ))),
    }
}

fn instances(subject: &Subject) -> Tried<Outcome> {
    let (one, other) = (clouds(), Clouds::new(10, 2, 15, 5));
    let first = fitted(subject, &one)?;
    let expected = scores(subject, &first, &one)?;
    let second = fitted(subject, &other)?;
    expect(same(&expected, &scores(subject, &first, &one)?), || {
        "the fit of another instance changes the scores of this one".to_owned()
    })?;
    scores(subject, &second, &other)?;
    Ok(Outcome::Ok)
}
