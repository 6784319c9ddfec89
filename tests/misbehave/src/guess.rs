//! The classifier head: it guesses the class that was most frequent in the fit.

use crate::{At, Fault, Parameters, SCHEMA, Trouble};
use topwork_sdk::{
    Classifier, Component, Error, ExportedComponent, Features, FitOptions, FitReport, Host, Scores,
    abi, classifier,
};

/// The sdk's component, asked by way of a function that knows one more answer than the sdk lets anybody give.
pub const fn classifier_component() -> ExportedComponent {
    let mut component = *classifier::<Guess>().table();
    component.extension = Some(extension);
    // SAFETY: the table is one of a classifier, and the extension gives the tables that the contract names.
    unsafe { ExportedComponent::from_table(component) }
}

static SCORES: abi::ClassifierScoresTable = abi::ClassifierScoresTable {
    size: size_of::<abi::ClassifierScoresTable>(),
    scores: Some(tell_scores),
};

unsafe extern "C" fn extension(id: abi::Text) -> *const std::ffi::c_void {
    // SAFETY: the host lends the text for this call.
    let id = unsafe { std::slice::from_raw_parts(id.data, id.len) };
    match id == abi::CLASSIFIER_SCORES.as_bytes() {
        true => (&raw const SCORES).cast(),
        false => std::ptr::null(),
    }
}

unsafe extern "C" fn tell_scores(
    instance: abi::Instance,
    scores: *mut abi::Scores,
    error: *const abi::Sink,
) -> abi::Status {
    // SAFETY: the sdk's instance of a classifier is the classifier, and this call asks for shared access only.
    if unsafe { &*instance.cast::<Guess>() }
        .trouble
        .is(Fault::UnknownScores)
    {
        // SAFETY: the host lends the place for this call.
        unsafe { *scores = abi::Scores(7) };
        return abi::Status::OK;
    }
    let sound = classifier::<Guess>().table().extension;
    // SAFETY: the id lives during the call and gives the table this type.
    let table = sound.and_then(|sound| unsafe {
        sound(abi::Text::new(abi::CLASSIFIER_SCORES))
            .cast::<abi::ClassifierScoresTable>()
            .as_ref()
    });
    match table.and_then(|table| table.scores) {
        // SAFETY: handed through as it came.
        Some(tell) => unsafe { tell(instance, scores, error) },
        None => abi::Status::UNSUPPORTED,
    }
}

pub struct Guess {
    trouble: Trouble,
    counts: Vec<f32>,
}

impl Component for Guess {
    const ID: &str = "misbehave";
    const ABOUT: &str = "the most frequent class, going wrong on request";
    const SCHEMA: &str = SCHEMA;
    type Parameters = Parameters;

    fn create(host: Host, parameters: Parameters) -> Result<Self, Error> {
        Ok(Guess {
            trouble: Trouble::new(host, parameters)?,
            counts: Vec::new(),
        })
    }
}

impl Classifier for Guess {
    fn fit(
        &mut self,
        _: Features<'_>,
        labels: &[u32],
        classes: usize,
        _: FitOptions,
    ) -> Result<FitReport, Error> {
        self.trouble.strike(At::Work)?;
        self.counts = vec![0.0; classes];
        for &label in labels {
            self.counts[label as usize] += 1.0;
        }
        let note = if self.trouble.is(Fault::ControlCharacters) {
            "counted\u{1b}[2J"
        } else {
            "counted"
        };
        let huge = self.trouble.is(Fault::HugeCounts);
        Ok(FitReport {
            converged: true,
            iterations: if huge { u64::MAX } else { 1 },
            parameters: if huge { u64::MAX } else { classes as u64 },
            note: note.to_owned(),
        })
    }

    fn predict(&self, _: Features<'_>, classes: usize, scores: &mut [f32]) -> Result<(), Error> {
        self.trouble.strike(At::Second)?;
        for row in scores.chunks_exact_mut(classes) {
            row.copy_from_slice(&self.counts);
        }
        if self.trouble.is(Fault::Nan) {
            scores[classes + 1] = f32::INFINITY;
        }
        if self.trouble.is(Fault::WrongLengths) {
            let last = scores.len() - classes;
            // What a method that stops one sample early leaves behind: the host's own NaN.
            scores[last..].fill(f32::NAN);
        }
        if self.trouble.is(Fault::NegativeProbability) {
            for row in scores.chunks_exact_mut(classes) {
                row.fill(0.0);
                (row[0], row[1]) = (1.25, -0.25);
            }
        }
        Ok(())
    }

    fn scores(&self) -> Result<Scores, Error> {
        Ok(match self.trouble.fault() {
            Fault::CountsAsProbabilities | Fault::NegativeProbability => Scores::Probabilities,
            Fault::CountsAsLogits => Scores::Logits,
            _ => Scores::Ranking,
        })
    }
}
