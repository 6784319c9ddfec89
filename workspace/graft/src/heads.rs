//! Heads of plugins, fitted to whatever a target has.
//!
//! Of several labels, a head that learns numbers learns all labels at once, as 1 for those that a sample has and 0 for others: what it predicts, less ½,
//! is its score. Any other is fitted to each label by itself, those samples that have it against the rest (binary relevance; M.-L.
//! Zhang, Z.-H. Zhou, "A review on multi-label learning algorithms", 2014).

use serde::{Deserialize, Serialize};
use topwork_host::{Classifier, Fit, FitOptions, Plugins, Scores};
use topwork_measure::{Columns, FitReport, TargetKind, Targets, thousands};
use topwork_schema::Component;
use topwork_tensors::{File, Writer};

use crate::{GraftError, error::out_of_order};

/// The key of what is said of every label, beside the states.
const WORDS: &str = "topwork-labels";

/// A plugin's head, fitted to several labels.
pub struct LabelHead(Form);

enum Form {
    AtOnce(Box<Classifier>),
    Each(Vec<OfLabel>),
}

/// What a head that was put to several labels consists of.
pub enum LabelForm<'a> {
    /// A head that gives a number for each; less a half it is the score.
    AtOnce(&'a Classifier),
    /// Of each label a head for samples without it and with it, or the score that all have.
    Each(Vec<Result<&'a Classifier, f32>>),
}

/// A plugin's head, fitted to whatever the target has.
pub enum FittedHead {
    /// To classes or numbers.
    Whole(Box<Classifier>),
    /// To several labels.
    Labels(LabelHead),
}

impl FittedHead {
    /// Scores, `samples × columns`, of features, `samples × dim`.
    pub fn predict(
        &self,
        features: &[f32],
        samples: usize,
        dim: usize,
        columns: usize,
    ) -> Result<Vec<f32>, GraftError> {
        match self {
            Self::Whole(head) => Ok(head.predict(features, samples, dim, columns)?),
            Self::Labels(head) => head.predict(features, samples, dim, columns),
        }
    }

    /// What they are.
    pub fn scores_are(&self) -> Scores {
        match self {
            Self::Whole(head) => head.scores(),
            Self::Labels(head) => head.scores_are(),
        }
    }

    /// The fitted state as bytes; `None` when the plugin does not offer it.
    pub fn save(&self) -> Result<Option<Vec<u8>>, GraftError> {
        match self {
            Self::Whole(head) => Ok(head.save().transpose()?),
            Self::Labels(head) => head.save(),
        }
    }

    /// The head with a state that was saved; `None` when the plugin does not offer it.
    pub fn load(
        plugins: &Plugins,
        head: &Component,
        targets: TargetKind,
        state: &[u8],
    ) -> Result<Option<Self>, GraftError> {
        if targets == TargetKind::Multilabel {
            return Ok(LabelHead::load(plugins, head, state)?.map(Self::Labels));
        }
        let mut classifier = created(plugins, head)?;
        match classifier.load(state) {
            Some(loaded) => {
                loaded?;
                Ok(Some(Self::Whole(Box::new(classifier))))
            }
            None => Ok(None),
        }
    }
}

/// One label against the rest.
enum OfLabel {
    Fitted(Box<Classifier>),
    /// Where all samples learnt from have the label, or none has, there is nothing to tell apart: a share that is never 0 or 1, by
    /// Laplace's rule of succession, `(k + 1) / (n + 2)`.
    Always(f64),
}

/// What is kept of a label beside its state.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kept {
    Fitted,
    Always(f64),
}

/// What a head learns from.
pub struct Learning<'a> {
    pub plugins: &'a Plugins,
    pub head: &'a Component,
    /// `samples × dim`.
    pub features: &'a [f32],
    pub dim: usize,
    /// What is true of the samples.
    pub targets: Targets<'a>,
    /// What classes, columns of numbers or labels are called.
    pub names: &'a [String],
    pub options: FitOptions,
}

impl Learning<'_> {
    /// Fits the head. `done` hears how many of several labels are done, where each is fitted by itself.
    pub fn fit(
        &self,
        done: impl FnMut(u64) -> Result<(), GraftError>,
    ) -> Result<(FittedHead, Fit), GraftError> {
        let (features, samples, dim) = (self.features, self.targets.len(), self.dim);
        let mut head = self.classifier()?;
        let fit = match self.targets {
            Targets::Classes(labels) => {
                let classes = self.names.len();
                head.fit(features, samples, dim, labels, classes, self.options)?
            }
            Targets::Numbers(numbers) => {
                let numbers = (numbers.values, numbers.count);
                head.fit_numbers(features, samples, dim, numbers, self.options)?
            }
            Targets::Multilabel(labels) => {
                let (head, fit) = self.fit_labels(head, labels, done)?;
                return Ok((FittedHead::Labels(head), fit));
            }
        };
        Ok((FittedHead::Whole(Box::new(head)), fit))
    }

    fn fit_labels(
        &self,
        mut first: Classifier,
        labels: Columns<'_>,
        mut done: impl FnMut(u64) -> Result<(), GraftError>,
    ) -> Result<(LabelHead, Fit), GraftError> {
        let samples = labels.examples();
        if first.takes_numbers() {
            let numbers = (labels.values, labels.count);
            let fit = first.fit_numbers(self.features, samples, self.dim, numbers, self.options)?;
            return Ok((LabelHead(Form::AtOnce(Box::new(first))), fit));
        }
        let (mut heads, mut fits, mut constant) = (Vec::new(), Vec::new(), Vec::new());
        for (label, has) in labels.each().enumerate() {
            done(label as u64)?;
            let classes: Vec<u32> = has.iter().map(|has| u32::from(*has == 1.0)).collect();
            let with: u32 = classes.iter().sum();
            let name = self.names.get(label).map_or("", String::as_str);
            if with == 0 || with as usize == samples {
                let share = (f64::from(with) + 1.0) / (samples as f64 + 2.0);
                heads.push(OfLabel::Always(share));
                constant.push(format!("`{name}`"));
                continue;
            }
            let mut classifier = self.classifier()?;
            let fit =
                classifier.fit(self.features, samples, self.dim, &classes, 2, self.options)?;
            heads.push(OfLabel::Fitted(Box::new(classifier)));
            fits.push((name, fit));
        }
        done(labels.count as u64)?;
        Ok((LabelHead(Form::Each(heads)), together(fits, &constant)))
    }

    fn classifier(&self) -> Result<Classifier, GraftError> {
        created(self.plugins, self.head)
    }
}

fn created(plugins: &Plugins, head: &Component) -> Result<Classifier, GraftError> {
    let parameters = head.parameters.clone();
    Ok(plugins.classifier(&head.component, &parameters.into())?)
}

/// What the fits of all labels come to.
fn together(fits: Vec<(&str, Fit)>, constant: &[String]) -> Fit {
    let mut notes = Vec::new();
    if !constant.is_empty() {
        notes.push(format!(
            "all samples learnt from are alike in {}, so that nothing is learnt of it",
            constant.join(", ")
        ));
    }
    let said: Vec<String> = (fits.iter())
        .filter_map(|(name, fit)| Some(format!("`{name}`: {}", fit.report.note.as_ref()?)))
        .collect();
    notes.extend(match said.as_slice() {
        [] | [_] => said.first().cloned(),
        [first, rest @ ..] => Some(format!(
            "{first} (and notes of {} more labels)",
            thousands(rest.len() as u64)
        )),
    });
    let reports: Vec<&FitReport> = fits.iter().map(|(_, fit)| &fit.report).collect();
    Fit {
        parameters: fits.iter().map(|(_, fit)| fit.parameters).sum(),
        report: FitReport {
            note: (!notes.is_empty()).then(|| notes.join("; ")),
            ..FitReport::together(&reports)
        },
    }
}

impl LabelHead {
    /// What it consists of.
    pub fn form(&self) -> LabelForm<'_> {
        let labels = match &self.0 {
            Form::AtOnce(head) => return LabelForm::AtOnce(head),
            Form::Each(labels) => labels,
        };
        let are = self.scores_are();
        let of_labels = labels.iter().map(|label| match label {
            OfLabel::Fitted(classifier) => Ok(&**classifier),
            OfLabel::Always(share) => Err(of_share(*share, are)),
        });
        LabelForm::Each(of_labels.collect())
    }

    /// The head that [`save`](LabelHead::save) has written; `None` where its plugin cannot be put into a state.
    pub fn load(
        plugins: &Plugins,
        head: &Component,
        state: &[u8],
    ) -> Result<Option<Self>, GraftError> {
        let mut first = created(plugins, head)?;
        if first.takes_numbers() {
            return Ok(match first.load(state) {
                Some(loaded) => {
                    loaded?;
                    Some(Self(Form::AtOnce(Box::new(first))))
                }
                None => None,
            });
        }
        let wrong = |_| out_of_order("the state of a head of several labels is none");
        let file = File::read(state).map_err(wrong)?;
        let kept: Vec<Kept> = file.words(WORDS).map_err(wrong)?;
        let mut heads = Vec::new();
        for (label, kept) in kept.into_iter().enumerate() {
            heads.push(match kept {
                Kept::Always(share) => OfLabel::Always(share),
                Kept::Fitted => {
                    let mut classifier = created(plugins, head)?;
                    let state = file.array(&label.to_string()).map_err(wrong)?;
                    match classifier.load(state.data()) {
                        Some(loaded) => loaded?,
                        None => return Ok(None),
                    }
                    OfLabel::Fitted(Box::new(classifier))
                }
            });
        }
        Ok(Some(Self(Form::Each(heads))))
    }

    /// The fitted state as bytes; `None` when the plugin does not offer it.
    pub fn save(&self) -> Result<Option<Vec<u8>>, GraftError> {
        let heads = match &self.0 {
            Form::AtOnce(classifier) => return Ok(classifier.save().transpose()?),
            Form::Each(heads) => heads,
        };
        let mut file = Writer::default();
        let mut kept = Vec::new();
        for (label, head) in heads.iter().enumerate() {
            match head {
                OfLabel::Always(share) => kept.push(Kept::Always(*share)),
                OfLabel::Fitted(classifier) => {
                    let Some(state) = classifier.save().transpose()? else {
                        return Ok(None);
                    };
                    file.bytes(label.to_string(), state);
                    kept.push(Kept::Fitted);
                }
            }
        }
        let wrong = |_| out_of_order("the state of a head of several labels cannot be written");
        file.words(WORDS, &kept).map_err(wrong)?;
        Ok(Some(file.finish().map_err(wrong)?))
    }

    /// What the scores are: of labels that were fitted by themselves the most that all of them promise.
    pub fn scores_are(&self) -> Scores {
        let Form::Each(heads) = &self.0 else {
            return Scores::LabelMargins;
        };
        let fitted = heads.iter().filter_map(|head| match head {
            OfLabel::Fitted(classifier) => Some(classifier.scores()),
            OfLabel::Always(_) => None,
        });
        let all: Vec<Scores> = fitted.collect();
        let are = |some: &[Scores]| all.iter().all(|scores| some.contains(scores));
        match () {
            () if are(&[Scores::Logits]) => Scores::LabelLogits,
            () if are(&[Scores::Logits, Scores::Probabilities]) => Scores::LabelProbabilities,
            () => Scores::LabelMargins,
        }
    }

    /// Scores, `samples × labels`, of features, `samples × dim`.
    pub fn predict(
        &self,
        features: &[f32],
        samples: usize,
        dim: usize,
        labels: usize,
    ) -> Result<Vec<f32>, GraftError> {
        let heads = match &self.0 {
            Form::AtOnce(classifier) => {
                let mut numbers = classifier.predict(features, samples, dim, labels)?;
                numbers.iter_mut().for_each(|number| *number -= 0.5);
                return Ok(numbers);
            }
            Form::Each(heads) => heads,
        };
        let are = self.scores_are();
        let mut scores = vec![0.0; samples * labels];
        for (label, head) in heads.iter().enumerate() {
            let own = scores.iter_mut().skip(label).step_by(labels);
            match head {
                OfLabel::Always(share) => own.for_each(|score| *score = of_share(*share, are)),
                OfLabel::Fitted(classifier) => {
                    let pairs = classifier.predict(features, samples, dim, 2)?;
                    for (score, pair) in own.zip(pairs.chunks_exact(2)) {
                        *score = of_pair([pair[0], pair[1]], classifier.scores(), are);
                    }
                }
            }
        }
        Ok(scores)
    }
}

/// The score of a label whose probability is this.
fn of_share(share: f64, wanted: Scores) -> f32 {
    (match wanted {
        Scores::LabelLogits => (share / (1.0 - share)).ln(),
        Scores::LabelProbabilities => share,
        _ => 2.0 * share - 1.0,
    }) as f32
}

/// The score of a label, of those of the samples without and with it.
fn of_pair([without, with]: [f32; 2], are: Scores, wanted: Scores) -> f32 {
    match (wanted, are) {
        (Scores::LabelProbabilities, Scores::Probabilities) => with,
        (Scores::LabelProbabilities, _) => {
            let logit = f64::from(with) - f64::from(without);
            (1.0 / (1.0 + (-logit).exp())) as f32
        }
        _ => with - without,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_keep_what_they_promise() {
        let check = |pair, are, wanted, expected: f32| {
            let found = of_pair(pair, are, wanted);
            assert!(
                (found - expected).abs() < 1e-6,
                "{pair:?}: {found}, {expected}"
            );
        };
        let (logits, probabilities) = (Scores::Logits, Scores::Probabilities);
        check([1.0, 3.0], logits, Scores::LabelLogits, 2.0);
        check([1.0, 3.0], logits, Scores::LabelProbabilities, 0.880_797);
        check(
            [0.25, 0.75],
            probabilities,
            Scores::LabelProbabilities,
            0.75,
        );
        check([0.25, 0.75], probabilities, Scores::LabelMargins, 0.5);
        check([4.0, 3.0], Scores::Ranking, Scores::LabelMargins, -1.0);
        // Of a label that none of 8 samples has.
        let share = 1.0 / 10.0;
        assert!((of_share(share, Scores::LabelLogits) + 9_f32.ln()).abs() < 1e-6);
        assert_eq!(of_share(share, Scores::LabelProbabilities), 0.1);
        assert_eq!(of_share(share, Scores::LabelMargins), -0.8);
    }

    #[test]
    fn fits_are_told_together() {
        let fit = |converged, note: Option<&str>| Fit {
            parameters: 3,
            report: FitReport {
                converged: Some(converged),
                note: note.map(str::to_owned),
                iterations: Some(10),
                ..Default::default()
            },
        };
        let all = together(
            vec![
                ("cat", fit(true, None)),
                ("dog", fit(false, Some("still 0.1 away"))),
                ("cow", fit(false, Some("still 0.2 away"))),
            ],
            &["`bee`".to_owned()],
        );
        assert_eq!((all.parameters, all.report.iterations), (9, Some(30)));
        assert_eq!(all.report.converged, Some(false));
        assert_eq!(
            all.report.note.as_deref(),
            Some(
                "all samples learnt from are alike in `bee`, so that nothing is learnt of it; `dog`: still 0.1 away (and notes of 1 more labels)"
            )
        );
    }
}
