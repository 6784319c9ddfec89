//! Where the backbone is cut, and the rows that cuts and numbers of training samples make of a
//! strategy.

use super::Backbone;
use crate::catalog::{CutChoice, Description};
use crate::components::{Components, Wanted};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::nearest::nearest;
use crate::plan::{Cut, CutPoint, Place, Pool, Reduction, Row};
use crate::written::{Located, WrittenCut, WrittenPlace};

/// How many cut points of an extractor a hint lists.
const MOST_LISTED: usize = 12;

/// The rows of a strategy, by cut and then by number of training samples; no number stands for
/// all of them.
pub(super) fn of_strategy(strategy: usize, cuts: &[CutPoint], samples: &[usize]) -> Vec<Row> {
    let numbers: Vec<Option<usize>> = match samples {
        [] => vec![None],
        numbers => numbers.iter().copied().map(Some).collect(),
    };
    let several = (cuts.len() > 1, numbers.len() > 1);
    let mut rows = Vec::new();
    for cut in cuts {
        for &train_samples in &numbers {
            let name = several.0.then(|| cut.name.clone());
            let number = train_samples.filter(|_| several.1).map(|n| n.to_string());
            let detail: Vec<String> = name.into_iter().chain(number).collect();
            rows.push(Row {
                strategy,
                cut: cut.clone(),
                train_samples,
                detail: (!detail.is_empty()).then(|| detail.join(" · ")),
            });
        }
    }
    rows
}

/// The cuts of a table as written and resolved, and as they are made.
#[derive(Clone, Default)]
pub(super) struct Cuts {
    pub written: Vec<Cut>,
    pub made: Vec<CutPoint>,
}

/// The cuts written in the table at `path`, without those that cannot be.
pub(super) fn cuts(
    path: &str,
    written: &[Located<WrittenCut>],
    backbone: &Backbone<'_>,
    components: &Components<'_>,
    diagnostics: &mut Diagnostics,
) -> Cuts {
    let mut cuts = Cuts::default();
    // Each with the words for it in messages.
    let mut made: Vec<(CutPoint, String)> = Vec::new();
    for Located { value, span } in written {
        let complain = |problem: String, label: &str, hint: String| {
            Diagnostic::new(format!("`{path}.cut`: {problem}"), Some(span.clone()))
                .label(label)
                .hint(hint)
        };
        let reduction = value.reduction;
        let chosen = match &value.place {
            WrittenPlace::Rule(rule) => {
                let Some(found) = components.find(rule, Wanted::CutRule, diagnostics) else {
                    continue;
                };
                let id = found.component.id().to_owned();
                cuts.written.push(Cut {
                    place: Place::Rule(found.component),
                    reduction,
                });
                // The rule was not asked when the backbone is not there, which has been told.
                let Some(Description::Cuts(choices)) = found.description else {
                    continue;
                };
                let point = |choice: &CutChoice| {
                    let pool = reduction.pool.or(choice.pool);
                    let reduction = Reduction { pool, ..reduction };
                    let shown = format!("{:?} of `{id}`", choice.name);
                    (choice.name.clone(), choice.layers, reduction, shown)
                };
                choices.iter().map(point).collect()
            }
            place => match backbone.place(place) {
                Err((problem, hint)) => {
                    diagnostics.push(complain(problem, "no such cut", hint));
                    continue;
                }
                Ok((place, name, layers)) => {
                    let shown = match &place {
                        Place::Layers(layers) => layers.to_string(),
                        _ => format!("{name:?}"),
                    };
                    cuts.written.push(Cut { place, reduction });
                    vec![(name, layers, reduction, shown)]
                }
            },
        };
        for (name, layers, mut reduction, shown) in chosen {
            if backbone.is_vector(layers) {
                // Pooling a vector changes nothing; a cut that a rule pools with the others is the plain one.
                reduction.pool = None;
            }
            if let (Some(components), Some(most)) = (
                reduction.pca,
                backbone.most_features(layers, reduction.pool),
            ) && components > most
            {
                diagnostics.push(complain(
                    format!("expected at most {most} principal components, found {components}"),
                    "more than there are features",
                    format!("the features at {shown} are {most} numbers"),
                ));
                continue;
            }
            let cut = CutPoint {
                name: format!("{name}{}", reduction.suffix()),
                layers,
                reduction,
            };
            if let Some((other, before)) = made.iter().find(|(other, _)| other.same_as(&cut)) {
                diagnostics.push(complain(
                    format!("{shown} is the same cut as {before}"),
                    "listed before",
                    format!("both keep {} layers", other.layers),
                ));
            } else if made.iter().any(|(other, _)| other.name == cut.name) {
                diagnostics.push(complain(
                    format!("two cuts have the name {:?}", cut.name),
                    "another cut has this name",
                    "list one of them as `{ at = … }` instead of by the rule".to_owned(),
                ));
            } else {
                made.push((cut, shown));
            }
        }
    }
    cuts.made = made.into_iter().map(|(cut, _)| cut).collect();
    cuts
}

impl Backbone<'_> {
    /// A place as it is meant with its name and layers kept, or what is wrong with it and what to
    /// do.
    fn place(&self, written: &WrittenPlace) -> Result<(Place, String, usize), (String, String)> {
        let id = self.component.id();
        let all = self.layers.len();
        let count = match self.extractor {
            Some(_) => "cut points",
            None => "layers",
        };
        match written {
            WrittenPlace::Layers(layers) => {
                let last = layers.checked_sub(1).and_then(|last| self.layers.get(last));
                let Some(last) = last else {
                    let problem = format!("`{id}` has {all} {count}, found {layers}");
                    return Err((problem, format!("write a number from 1 to {all}")));
                };
                let same = self.cuts.iter().find(|cut| cut.layers == *layers);
                // A layer may have the name of a cut point that is elsewhere.
                let taken = self.cuts.iter().any(|cut| cut.name == last.name);
                let name = match same {
                    Some(cut) => cut.name.clone(),
                    None if taken => format!("layer {layers}"),
                    None => last.name.clone(),
                };
                Ok((Place::Layers(*layers), name, *layers))
            }
            WrittenPlace::Name(name) => {
                if let Some(cut) = self.cuts.iter().find(|cut| cut.name == *name) {
                    return Ok((Place::Name(name.clone()), name.clone(), cut.layers));
                }
                let names = self.cuts.iter().map(|cut| cut.name.as_str());
                let meant = nearest(name, names)
                    .map_or(String::new(), |name| format!("did you mean `{name}`? "));
                Err((
                    format!("`{id}` has no cut point {name:?}"),
                    format!("{meant}cut points: {}", self.declared()),
                ))
            }
            // A rule has no place of its own.
            WrittenPlace::Rule(_) => Err((format!("`{id}` is cut by a rule"), String::new())),
        }
    }

    /// Whether what the first `layers` layers give has no height and width.
    fn is_vector(&self, layers: usize) -> bool {
        let last = layers.checked_sub(1).and_then(|last| self.layers.get(last));
        last.is_some_and(|last| last.output.len() == 1)
    }

    /// How many features a cut has at most.
    fn most_features(&self, layers: usize, pool: Option<Pool>) -> Option<usize> {
        let output = &self.layers.get(layers.checked_sub(1)?)?.output;
        let channels = output.first()?;
        match (pool, output.len()) {
            (Some(Pool::Gap | Pool::Gmp), _) => Some(*channels),
            // One for each cell of the three grids, fewer where the map is small.
            (Some(Pool::Pyramid), 3) => Some(channels * 21),
            _ => Some(output.iter().product()),
        }
    }

    /// The cut points for a hint, with the other way to say where.
    fn declared(&self) -> String {
        let all = self.layers.len();
        if self.extractor.is_some() {
            // A model file may have hundreds.
            let mut names: Vec<String> = (self.cuts.iter().take(MOST_LISTED))
                .map(|cut| format!("`{}`", cut.name))
                .collect();
            if all > MOST_LISTED {
                names.push(format!("… {all} in all; `topwork show` lists them"));
            }
            return names.join(", ");
        }
        let declared: Vec<String> = (self.cuts.iter())
            .map(|cut| format!("`{}` ({} layers)", cut.name, cut.layers))
            .collect();
        let points = match declared.as_slice() {
            [] => "none".to_owned(),
            declared => declared.join(", "),
        };
        format!("{points}; or a layer count from 1 to {all}")
    }
}
