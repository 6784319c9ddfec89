//! Where the backbone is cut, and the rows that cuts and numbers of training samples make of a
//! strategy.

use super::Backbone;
use crate::catalog::{CutChoice, Description, LayerEntry, most_features};
use crate::components::{Components, Wanted};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::plan::{Cut, CutPoint, Place, Row};
use crate::view::Located;
use crate::words::{Pool, Reduction};
use crate::written::{WrittenCut, WrittenPlace};
use topwork_nearest::nearest;

/// How many cut points of an extractor a hint lists.
const MOST_LISTED: usize = 12;

/// How many training samples a row has.
#[derive(Clone, Copy)]
enum Samples {
    All,
    InAll(usize),
    PerClass(usize),
}

/// Where a strategy cuts the backbone.
pub(super) enum Places<'a> {
    /// At each of these in a row of its own.
    Each(&'a [CutPoint]),
    /// At one of these, which each row chooses.
    ChosenFrom(&'a [CutPoint]),
}

/// The rows of a strategy, by cut and then by number of training samples, in all or of every class; no
/// number stands for all of them.
pub(super) fn of_strategy(
    strategy: usize,
    places: Places<'_>,
    in_all: &[usize],
    per_class: &[usize],
) -> Vec<Row> {
    let (cuts, among): (&[CutPoint], &[CutPoint]) = match places {
        Places::Each(cuts) => (cuts, &[]),
        Places::ChosenFrom(among) => (among.get(..1).unwrap_or_default(), among),
    };
    let in_all = in_all.iter().copied().map(Samples::InAll);
    let mut numbers: Vec<Samples> = in_all
        .chain(per_class.iter().copied().map(Samples::PerClass))
        .collect();
    if numbers.is_empty() {
        numbers.push(Samples::All);
    }
    let several = (cuts.len() > 1, numbers.len() > 1);
    let mut rows = Vec::new();
    for cut in cuts {
        for &samples in &numbers {
            let name = several.0.then(|| cut.name.clone());
            let (train_samples, train_per_class, number) = match samples {
                Samples::All => (None, None, None),
                Samples::InAll(number) => (Some(number), None, Some(number.to_string())),
                Samples::PerClass(number) => {
                    (None, Some(number), Some(format!("{number} per class")))
                }
            };
            let number = number.filter(|_| several.1);
            let detail: Vec<String> = name.into_iter().chain(number).collect();
            rows.push(Row {
                strategy,
                cut: cut.clone(),
                among: among.to_vec(),
                train_samples,
                train_per_class,
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
                    (choice.name.clone(), vec![choice.layers], reduction, shown)
                };
                choices.iter().map(point).collect()
            }
            place => match backbone.place(place) {
                Err((problem, hint)) => {
                    diagnostics.push(complain(problem, "no such cut", hint));
                    continue;
                }
                Ok((place, name, layers)) => {
                    let shown = shown(&place);
                    cuts.written.push(Cut { place, reduction });
                    vec![(name, layers, reduction, shown)]
                }
            },
        };
        for (name, places, mut reduction, shown) in chosen {
            match backbone.pooled(&places, reduction.pool) {
                Ok(pool) => reduction.pool = pool,
                Err((problem, hint)) => {
                    diagnostics.push(complain(
                        format!("{shown} {problem}"),
                        "no such pooling here",
                        hint,
                    ));
                    continue;
                }
            }
            let most = most_features(backbone.layers, &places, reduction.pool);
            if let (Some(components), Some(most)) = (reduction.pca, most)
                && components > most
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
                layers: places.iter().copied().max().unwrap_or_default(),
                joined: match places.len() {
                    1 => Vec::new(),
                    _ => places,
                },
                reduction,
            };
            let by_rule = matches!(value.place, WrittenPlace::Rule(_));
            if by_rule
                && made
                    .last()
                    .is_some_and(|(last, _)| backbone.repeats(last, &cut))
            {
                continue;
            }
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
    fn place(
        &self,
        written: &WrittenPlace,
    ) -> Result<(Place, String, Vec<usize>), (String, String)> {
        let id = self.component.id();
        let all = self.layers.len();
        let count = match self.computes_itself() {
            true => "cut points",
            false => "layers",
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
                Ok((Place::Layers(*layers), name, vec![*layers]))
            }
            WrittenPlace::Name(name) => {
                if let Some(cut) = self.cuts.iter().find(|cut| cut.name == *name) {
                    return Ok((Place::Name(name.clone()), name.clone(), vec![cut.layers]));
                }
                let names = self.cuts.iter().map(|cut| cut.name.as_str());
                let hint = match (containing(name, names.clone()), nearest(name, names)) {
                    (Some(some), _) => some,
                    (None, Some(name)) => {
                        format!("did you mean `{name}`? cut points: {}", self.declared())
                    }
                    (None, None) => format!("cut points: {}", self.declared()),
                };
                let is_given = self.extractor.is_some_and(|given| given.network);
                let hint = match is_given {
                    // A network has no cuts within its branches; what computes features itself may have.
                    true => format!(
                        "{hint}; a tensor within a branch is a cut point where `{id}` is not made a network"
                    ),
                    false => hint,
                };
                Err((format!("`{id}` has no cut point {name:?}"), hint))
            }
            WrittenPlace::Joined(places) => self.joined(places),
            // A rule has no place of its own.
            WrittenPlace::Rule(_) => Err((format!("`{id}` is cut by a rule"), String::new())),
        }
    }

    /// Several places with their names in a row, each another than those before.
    fn joined(
        &self,
        written: &[WrittenPlace],
    ) -> Result<(Place, String, Vec<usize>), (String, String)> {
        if self.computes_itself() {
            return Err((
                format!(
                    "`{}` computes features itself, one cut at a time, found `join`",
                    self.component.id()
                ),
                "cuts of backbones that are made of layers can be joined; `topwork show` tells \
                 which are"
                    .to_owned(),
            ));
        }
        let (mut join, mut names, mut layers) = (Vec::new(), Vec::<String>::new(), Vec::new());
        for written in written {
            let (place, name, own) = self.place(written)?;
            let before = layers.iter().position(|before| own.contains(before));
            if let Some(before) = before.and_then(|before| join.get(before)) {
                let [place, before] = [&place, before].map(shown);
                return Err((
                    format!("{place} is the same place as {before}"),
                    "each place is joined once".to_owned(),
                ));
            }
            join.push(place);
            names.push(name);
            layers.extend(own);
        }
        Ok((Place::Joined { join }, names.join(" + "), layers))
    }

    /// How the activations of a cut are pooled, those of each of its places by themselves: see [`Self::pooled_at`]. Not at all
    /// where none of them is.
    fn pooled(
        &self,
        places: &[usize],
        pool: Option<Pool>,
    ) -> Result<Option<Pool>, (String, String)> {
        if pool == Some(Pool::Pyramid) && places.len() > 1 {
            return Err((
                "is several places joined, found `pool = \"pyramid\"`".to_owned(),
                "every other `pool` can be joined".to_owned(),
            ));
        }
        let each = places.iter().map(|&layers| self.pooled_at(layers, pool));
        let each: Vec<Option<Pool>> = each.collect::<Result<_, _>>()?;
        Ok(each.into_iter().flatten().next())
    }

    /// How the activations at a place are pooled: as written, or not at all where there is but one number for each channel,
    /// since then pooling changes nothing and the cut is the plain one. What has no channels, or no height and width for a
    /// pyramid, is refused with what fits.
    fn pooled_at(
        &self,
        layers: usize,
        pool: Option<Pool>,
    ) -> Result<Option<Pool>, (String, String)> {
        let last = layers.checked_sub(1).and_then(|last| self.layers.get(last));
        let (Some(pool), Some(last)) = (pool, last) else {
            return Ok(pool);
        };
        let written = pool.as_str();
        match last.map() {
            _ if last.sizes().len() == 1 => Ok(None),
            _ if pool == Pool::Flatten => Ok(Some(pool)),
            _ if pool.is_of_tokens() => self.of_tokens(last, pool).map(Some),
            None => Err((
                format!(
                    "is {}, and nothing tells which of these are channels: `pool = \"{written}\"` has nothing to go by",
                    by(last.sizes())
                ),
                "`pool = \"flatten\"` takes all numbers; a tensor behind it that is a map, or tokens, can be pooled"
                    .to_owned(),
            )),
            Some([channels, _, _]) if pool == Pool::Pyramid && last.sizes().len() != 3 => Err((
                format!(
                    "is {}, {channels} channels without height and width: `pool = \"pyramid\"` needs both",
                    by(last.sizes())
                ),
                "`pool = \"gap\"` and `\"gmp\"` take the mean and the maximum of each channel, `\"flatten\"` all numbers"
                    .to_owned(),
            )),
            Some(_) => Ok(Some(pool)),
        }
    }

    /// What takes tokens by what they are, where it is known which is which.
    fn of_tokens(&self, last: &LayerEntry, pool: Pool) -> Result<Pool, (String, String)> {
        let (sizes, written) = (by(last.sizes()), pool.as_str());
        let tokens = last.dims.as_ref().filter(|dims| dims.sizes.len() == 2);
        let leading = tokens.map(|dims| dims.leading);
        let (problem, hint) = match leading {
            Some(Some(0)) if pool != Pool::MeanTokens => (
                format!(
                    "is {sizes}, tokens without a class token: `pool = \"{written}\"` takes that"
                ),
                "`pool = \"mean-tokens\"` takes the mean of all",
            ),
            Some(Some(_)) => return Ok(pool),
            Some(None) => (
                format!(
                    "is {sizes}, and nothing tells which tokens are those of patches: `pool = \"{written}\"` has nothing to go by"
                ),
                "`pool = \"gap\"` takes the mean of all tokens, `\"flatten\"` all numbers",
            ),
            None => (
                format!("is {sizes}, a map of channels: `pool = \"{written}\"` takes tokens"),
                "`pool = \"gap\"` and `\"gmp\"` take the mean and the maximum of each channel",
            ),
        };
        Err((problem, hint.to_owned()))
    }

    /// Whether a cut gives what the one before it gives: where the mean of each channel is taken there, and the network itself
    /// does no more than that between them.
    fn repeats(&self, before: &CutPoint, cut: &CutPoint) -> bool {
        const MEANS: [&str; 3] = ["globalaveragepool", "globalavgpool2d", "reducemean"];
        const FORMS: [&str; 4] = ["flatten", "squeeze", "reshape", "identity"];
        let plain = |reduction: Reduction| Reduction {
            pool: None,
            ..reduction
        };
        let between = self.layers.get(before.layers..cut.layers);
        let ops: Vec<String> = (between.into_iter().flatten())
            .map(|layer| layer.op.to_lowercase().replace('-', ""))
            .collect();
        let is = |some: &[&str], op: &String| some.contains(&op.as_str());
        let last = |layers: usize| self.layers.get(layers.checked_sub(1)?);
        let (Some(map), Some(mean)) = (last(before.layers), last(cut.layers)) else {
            return false;
        };
        before.joined.is_empty()
            && before.reduction.pool == Some(Pool::Gap)
            && matches!(cut.reduction.pool, Some(Pool::Gap) | None)
            && plain(before.reduction) == plain(cut.reduction)
            && ops.iter().any(|op| is(&MEANS, op))
            && ops.iter().all(|op| is(&MEANS, op) || is(&FORMS, op))
            && map.map().map(|[channels, ..]| channels) == Some(mean.output.iter().product())
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

/// A place as it is written.
fn shown(place: &Place) -> String {
    match place {
        Place::Layers(layers) => layers.to_string(),
        Place::Name(name) => format!("{name:?}"),
        Place::Joined { join } => {
            let places: Vec<String> = join.iter().map(shown).collect();
            places.join(" + ")
        }
        Place::Rule(rule) => format!("`{}`", rule.id()),
    }
}

/// Sizes as they are written: 197×192.
fn by(sizes: &[usize]) -> String {
    let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
    sizes.join("×")
}

/// The names that contain what was written, for a hint: exporters put the name of a module into those of its tensors. The last
/// ones, since what a module gives comes last.
fn containing<'n>(written: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    let wanted = written.to_lowercase();
    let found: Vec<&str> = names
        .filter(|name| !wanted.is_empty() && name.to_lowercase().contains(&wanted))
        .collect();
    let (last, before) = found.split_last()?;
    let listed = &before[before.len().saturating_sub(MOST_LISTED - 1)..];
    let listed: Vec<String> = (listed.iter().chain([last]))
        .map(|name| format!("`{name}`"))
        .collect();
    let left = found.len() - listed.len();
    let more = match left {
        0 => String::new(),
        _ => format!("{left} more before them; "),
    };
    Some(match listed.as_slice() {
        [one] => format!("the cut point with that in its name is {one}"),
        all => format!(
            "cut points with that in their names, {more}in their order: {}",
            all.join(", ")
        ),
    })
}
