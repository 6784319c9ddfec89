//! Where the backbone is cut, and the rows that cuts and numbers of training samples make of a
//! strategy.

use super::Backbone;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::nearest::nearest;
use crate::plan::{Cut, CutPoint, Row};
use crate::written::Located;

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

/// The cuts as they are made, without those that cannot be; `path` is the table they stand in.
pub(super) fn cuts(
    path: &str,
    written: &[Located<Cut>],
    backbone: &Backbone<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<CutPoint> {
    let mut cuts: Vec<(CutPoint, &Cut)> = Vec::new();
    for Located { value, span } in written {
        let complain = |problem: String, label: &str, hint: String| {
            Diagnostic::new(format!("`{path}.cut`: {problem}"), Some(span.clone()))
                .label(label)
                .hint(hint)
        };
        match backbone.cut(value) {
            Err((problem, hint)) => diagnostics.push(complain(problem, "no such cut", hint)),
            Ok(cut) => match cuts.iter().find(|(other, _)| other.layers == cut.layers) {
                None => cuts.push((cut, value)),
                Some((_, other)) => diagnostics.push(complain(
                    format!("{} is the same cut as {}", shown(value), shown(other)),
                    "listed before",
                    format!("both keep {} layers", cut.layers),
                )),
            },
        }
    }
    cuts.into_iter().map(|(cut, _)| cut).collect()
}

fn shown(cut: &Cut) -> String {
    match cut {
        Cut::Layers(layers) => layers.to_string(),
        Cut::Name(name) => format!("{name:?}"),
    }
}

impl Backbone<'_> {
    /// A cut as it is made, or what is wrong with it and what to do.
    fn cut(&self, written: &Cut) -> Result<CutPoint, (String, String)> {
        let id = self.component.id();
        let all = self.layers.len();
        match written {
            Cut::Layers(layers) => {
                let last = layers.checked_sub(1).and_then(|last| self.layers.get(last));
                let Some(last) = last else {
                    let problem = format!("`{id}` has {all} layers, found {layers}");
                    return Err((problem, format!("write a layer count from 1 to {all}")));
                };
                let same = self.cuts.iter().find(|cut| cut.layers == *layers);
                Ok(CutPoint {
                    name: same.map_or(&last.name, |cut| &cut.name).clone(),
                    layers: *layers,
                })
            }
            Cut::Name(name) => {
                if let Some(cut) = self.cuts.iter().find(|cut| cut.name == *name) {
                    let (name, layers) = (name.clone(), cut.layers);
                    return Ok(CutPoint { name, layers });
                }
                let names = self.cuts.iter().map(|cut| cut.name.as_str());
                let meant = nearest(name, names)
                    .map_or(String::new(), |name| format!("did you mean `{name}`? "));
                let declared: Vec<String> = (self.cuts.iter())
                    .map(|cut| format!("`{}` ({} layers)", cut.name, cut.layers))
                    .collect();
                let points = match declared.as_slice() {
                    [] => "none".to_owned(),
                    declared => declared.join(", "),
                };
                Err((
                    format!("`{id}` has no cut point {name:?}"),
                    format!("{meant}cut points: {points}; or a layer count from 1 to {all}"),
                ))
            }
        }
    }
}
