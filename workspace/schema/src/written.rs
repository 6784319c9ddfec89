//! The experiment file as written: what could be read of it, with the place of everything a later
//! check may have to point at. A value that is wrong in itself is left out; `shape` has said so.

use std::ops::Range;

use serde_json::{Map, Value, json};

use crate::catalog::UseKind;
use crate::file_form;
use crate::further::WrittenTestSet;
use crate::keys;
use crate::multipliers::LayerPattern;
use crate::plan::{Experiment, Start, Strategy, Target};
use crate::shape;
use crate::strategies::StrategyKind;
use crate::training::Train;
use crate::tree::{self, Node};
use crate::view::{Located, View};
use crate::words::{Normalise, Reduction};
use topwork_images::Filter;

/// What a file says of one backbone with one target: that of most files as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// The values that need no component, as the plan has them; `None` when one is wrong. So with
    /// the tables within.
    pub plain: Option<Experiment>,
    pub backbone: Option<WrittenBackbone>,
    pub source: Option<WrittenSource>,
    pub target: Option<WrittenTarget>,
    pub strategies: Vec<WrittenStrategy>,
    pub references: Vec<WrittenReference>,
    pub pins: Vec<WrittenPin>,
}

/// A figure from elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct WrittenReference {
    pub path: String,
    /// What it belongs to.
    pub strategy: Option<Located<String>>,
    pub target: Option<Located<String>>,
    pub node: Node,
}

/// A plugin's id and the digest its file must have.
#[derive(Clone, Debug)]
pub(crate) struct WrittenPin {
    pub plugin: Located<String>,
    pub sha256: Located<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct WrittenBackbone {
    pub span: Range<usize>,
    /// The path of its table, as one would type it.
    pub path: String,
    pub name: Option<Located<String>>,
    /// Where it is cut itself; empty where the target says.
    pub cuts: Vec<Located<WrittenCut>>,
    /// The table itself, where the places of keys are.
    pub node: Node,
    pub component: Option<WrittenUse>,
    /// Whether `weights` is written, rightly or not.
    pub weights_given: bool,
    /// Where `[source]` is written, rightly or not.
    pub source: Option<Range<usize>>,
    pub weights: Option<Located<String>>,
    pub input: Option<WrittenInput>,
}

/// How images reach the backbone.
#[derive(Clone, Debug)]
pub(crate) struct WrittenInput {
    pub span: Range<usize>,
    /// Whether a value in it is wrong in itself.
    pub wrong: bool,
    /// Key, place and number of items where sides are a list that is not of two.
    pub not_two: Vec<(&'static str, Range<usize>, usize)>,
    pub resize: Option<Located<WrittenSides>>,
    pub crop: Option<Located<WrittenSides>>,
    pub filter: Filter,
    /// `None` within for the word that there is none.
    pub normalise: Option<Located<Option<Normalise>>>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum WrittenSides {
    /// The shorter or both sides, or a part of them.
    One(f64),
    /// Height and width.
    Both([usize; 2]),
}

/// A component and its parameters.
#[derive(Clone, Debug)]
pub(crate) struct WrittenUse {
    pub kind: UseKind,
    /// The path of its table, as one would type it.
    pub path: String,
    pub component: Located<String>,
    pub parameters: Map<String, Value>,
    /// The table itself, where the parameters' places are.
    pub node: Node,
}

#[derive(Clone, Debug)]
pub(crate) struct WrittenDataset {
    pub component: WrittenUse,
    pub classes: Option<Vec<Located<WrittenClass>>>,
    pub normalise: Option<Located<Normalise>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WrittenClass {
    Index(u64),
    Name(String),
}

#[derive(Clone, Debug)]
pub(crate) struct WrittenSource {
    pub dataset: Option<WrittenDataset>,
    pub head: Option<WrittenUse>,
    pub train: Option<WrittenTrain>,
}

#[derive(Clone, Debug)]
pub(crate) struct WrittenTarget {
    pub plain: Option<Target>,
    /// The path of its table, as one would type it.
    pub path: String,
    pub name: Option<Located<String>>,
    /// The table itself, where the places of keys are.
    pub node: Node,
    /// The path of the table that has its cuts.
    pub cut_path: String,
    pub dataset: Option<WrittenDataset>,
    /// Empty when none is right in itself.
    pub cuts: Vec<Located<WrittenCut>>,
    pub folds: Option<Located<u64>>,
    pub tests: Vec<WrittenTestSet>,
    pub compare_to: Option<Located<String>>,
}

/// A cut, or several that a rule chooses.
#[derive(Clone, Debug)]
pub(crate) struct WrittenCut {
    pub place: WrittenPlace,
    pub reduction: Reduction,
}

#[derive(Clone, Debug)]
pub(crate) enum WrittenPlace {
    Layers(usize),
    Name(String),
    Joined(Vec<WrittenPlace>),
    Rule(Box<WrittenUse>),
}

#[derive(Clone, Debug)]
pub(crate) struct WrittenTrain {
    pub path: String,
    /// The table itself, where the values' places are.
    pub node: Node,
    /// `None` when a value in it is wrong.
    pub train: Option<Train>,
}

#[derive(Clone, Debug)]
pub(crate) struct WrittenStrategy {
    pub plain: Option<Strategy>,
    pub path: String,
    pub span: Range<usize>,
    pub name: Option<Located<String>>,
    pub kind: Option<Located<StrategyKind>>,
    /// Names of the backbones and targets it is for; all of them where it says none.
    pub backbones: Vec<Located<String>>,
    pub targets: Vec<Located<String>>,
    pub head: Option<WrittenUse>,
    /// Whether `train` is written, rightly or not.
    pub train_given: bool,
    pub train: Option<WrittenTrain>,
    /// Empty for those of the target.
    pub cuts: Vec<Located<WrittenCut>>,
    /// Those that `select` chooses from.
    pub select_cuts: Vec<Located<WrittenCut>>,
    /// Empty for all.
    pub train_samples: Vec<Located<u64>>,
    /// Empty where none are asked for by class.
    pub train_per_class: Vec<Located<u64>>,
    pub test_samples: Option<Located<u64>>,
    pub weights: Option<Start>,
    /// Empty when one of them is wrong in itself.
    pub multipliers: Vec<(Located<LayerPattern>, f64)>,
    pub unfreeze_after: Option<Located<u64>>,
    /// The table itself, where the places of keys are.
    pub node: Node,
}

/// A file of any number of backbones and targets.
#[derive(Clone, Debug)]
pub(crate) struct WrittenFile {
    pub backbones: Vec<WrittenBackbone>,
    pub targets: Vec<WrittenTarget>,
    /// All that is said once, with the first backbone and target.
    pub first: Written,
}

impl WrittenFile {
    pub fn read(root: &Node) -> WrittenFile {
        let view = View::new(&keys::EXPERIMENT, root, String::new());
        let (component, dataset) = stand_ins();
        let targets: Vec<WrittenTarget> = (view.tables("target"))
            .map(|view| WrittenTarget {
                plain: view.plain(json!({ "dataset": dataset, "cut": [], "test": null })),
                name: view.text("name"),
                dataset: view.dataset(),
                cuts: view.cuts(),
                folds: view.integer("folds"),
                tests: view.tables("test").map(WrittenTestSet::read).collect(),
                compare_to: view.text("compare-to"),
                node: view.node.clone(),
                cut_path: view.path.clone(),
                path: view.path,
            })
            .collect();
        let backbones: Vec<WrittenBackbone> = (view.tables("backbone"))
            .map(|view| WrittenBackbone {
                span: view.node.span.clone(),
                name: view.text("name"),
                cuts: view.cuts(),
                component: view.component(UseKind::Backbone),
                weights_given: view.node.get("weights").is_some(),
                source: root.get("source").map(|source| source.span.clone()),
                weights: view.text("weights"),
                input: WrittenInput::read(&view),
                node: view.node.clone(),
                path: view.path,
            })
            .collect();
        let first = Written {
            plain: view.plain(json!({
                "backbone": component,
                "source": null,
                "target": targets.first().and_then(|target| target.plain.as_ref()),
                "strategy": [],
                "plugins": null,
            })),
            backbone: backbones.first().cloned(),
            source: view.table("source").map(|view| WrittenSource {
                dataset: view.dataset(),
                head: view.head(),
                train: view.train(),
            }),
            target: targets.first().cloned(),
            strategies: view.tables("strategy").map(WrittenStrategy::read).collect(),
            references: (view.tables("reference"))
                .map(|view| WrittenReference {
                    strategy: view.text("strategy"),
                    target: view.text("target"),
                    node: view.node.clone(),
                    path: view.path,
                })
                .collect(),
            pins: view.pins(),
        };
        WrittenFile {
            backbones,
            targets,
            first,
        }
    }
}

impl Written {
    /// Every component named, in the order of the file's parts.
    pub fn components(&self) -> Vec<&WrittenUse> {
        let backbone = self.backbone.as_ref().and_then(|b| b.component.as_ref());
        let source = self.source.as_ref();
        let source_dataset = source.and_then(|s| s.dataset.as_ref());
        let target_dataset = self.target.as_ref().and_then(|t| t.dataset.as_ref());
        let mut all: Vec<&WrittenUse> = Vec::new();
        all.extend(backbone);
        all.extend(source_dataset.map(|dataset| &dataset.component));
        all.extend(source.and_then(|s| s.head.as_ref()));
        all.extend(target_dataset.map(|dataset| &dataset.component));
        let tests = self.target.iter().flat_map(|target| &target.tests);
        all.extend(tests.filter_map(|test| Some(&test.dataset.as_ref()?.component)));
        let of_target = self.target.iter().flat_map(|target| &target.cuts);
        let of_strategies = (self.strategies.iter())
            .flat_map(|strategy| strategy.cuts.iter().chain(&strategy.select_cuts));
        all.extend(
            of_target
                .chain(of_strategies)
                .filter_map(|cut| match &cut.value.place {
                    WrittenPlace::Rule(rule) => Some(&**rule),
                    WrittenPlace::Layers(_) | WrittenPlace::Name(_) | WrittenPlace::Joined(_) => {
                        None
                    }
                }),
        );
        all.extend(self.strategies.iter().filter_map(|s| s.head.as_ref()));
        all
    }
}

impl WrittenInput {
    fn read(backbone: &View<'_>) -> Option<WrittenInput> {
        // A list is a parameter of the backbone.
        let node = (backbone.node.get("input"))
            .filter(|node| !matches!(node.value, tree::Value::List(_)))?;
        let view = View::new(&keys::INPUT, node, shape::join(&backbone.path, "input"));
        let known = backbone.table.key("input");
        let sides = |key: &str| {
            view.located(key, |node| match &node.value {
                tree::Value::List(items) => {
                    let side = |node: &Node| usize::try_from(node.integer()?).ok();
                    let sides: Option<Vec<usize>> = items.iter().map(side).collect();
                    Some(WrittenSides::Both(sides?.try_into().ok()?))
                }
                _ => node.number().map(WrittenSides::One),
            })
        };
        let filter = view.text("filter").and_then(|filter| {
            let mut all = Filter::ALL.into_iter();
            all.find(|known| known.as_str() == filter.value)
        });
        let normalise = view.located("normalise", |node| match &node.value {
            tree::Value::Table(_) => {
                let path = shape::join(&view.path, "normalise");
                View::new(&keys::NORMALISE, node, path)
                    .plain(json!({}))
                    .map(Some)
            }
            _ => Some(None),
        });
        let (resize, crop) = (sides("resize"), sides("crop"));
        let not_two = ["resize", "crop"].into_iter().filter_map(|key| {
            let node = node.get(key)?;
            let items = node.items().len();
            let listed = matches!(node.value, tree::Value::List(_));
            (listed && items > 2).then(|| (key, node.span.clone(), items))
        });
        Some(WrittenInput {
            span: node.span.clone(),
            wrong: !known.is_some_and(|key| shape::accepts(&key.kind, node)),
            not_two: not_two.collect(),
            resize,
            crop,
            filter: filter.unwrap_or(Filter::Bicubic),
            normalise,
        })
    }
}

impl WrittenStrategy {
    fn read(view: View<'_>) -> WrittenStrategy {
        let kind = view.located("kind", |node| StrategyKind::of(node.text()?));
        let weights = view.text("weights");
        let at_random = (kind.as_ref()).is_some_and(|kind| kind.value.begins_at_random());
        let (component, _) = stand_ins();
        WrittenStrategy {
            plain: view.plain(json!({
                "head": component,
                "train": null,
                "cut": null,
                "learning-rate-multipliers": null,
                "select": null,
            })),
            span: view.node.span.clone(),
            name: view.text("name"),
            kind,
            head: view.head(),
            backbones: view.names("backbones"),
            targets: view.names("targets"),
            train_given: view.node.get("train").is_some(),
            train: view.train(),
            cuts: view.cuts(),
            select_cuts: view
                .table("select")
                .map_or(Vec::new(), |select| select.cuts()),
            train_samples: view.one_or_more("train-samples", Node::integer),
            train_per_class: view.one_or_more("train-per-class", Node::integer),
            test_samples: view.integer("test-samples"),
            multipliers: view.multipliers().unwrap_or_default(),
            unfreeze_after: view.integer("unfreeze-after"),
            node: view.node.clone(),
            weights: weights.and_then(|weights| match weights.value.as_str() {
                _ if at_random => Some(Start::Random),
                "source" => Some(Start::Source),
                "random" => Some(Start::Random),
                _ => None,
            }),
            path: view.path,
        }
    }
}

/// A component and a dataset that stand in a plan until those named have been found.
fn stand_ins() -> (Value, Value) {
    (json!({ "use": "" }), json!({ "use": "", "classes": [] }))
}

impl View<'_> {
    fn component(&self, kind: UseKind) -> Option<WrittenUse> {
        let component = self.text("use")?;
        let mut parameters: Map<String, Value> = self
            .node
            .entries()
            .iter()
            .filter(|entry| self.table.key(&entry.key).is_none())
            .map(|entry| (entry.key.clone(), entry.node.to_json()))
            .collect();
        // The shape that a backbone takes where it has a parameter for that, beside how images get it.
        if let (UseKind::Backbone, Some(input)) = (kind, self.node.get("input")) {
            let shape = match input.value {
                tree::Value::List(_) => Some(input),
                _ => input.get("shape"),
            };
            parameters.extend(shape.map(|shape| ("input".to_owned(), shape.to_json())));
        }
        Some(WrittenUse {
            kind,
            path: self.path.clone(),
            component,
            parameters,
            node: self.node.clone(),
        })
    }

    /// A list of names, without those that are wrong in themselves.
    fn names(&self, key: &str) -> Vec<Located<String>> {
        let items = self.node.get(key).map_or(&[][..], Node::items);
        let name = |node: &Node| {
            let (value, span) = (node.text()?.to_owned(), node.span.clone());
            Some(Located { value, span })
        };
        items.iter().filter_map(name).collect()
    }

    fn head(&self) -> Option<WrittenUse> {
        self.table("head")?.component(UseKind::Head)
    }

    pub(crate) fn dataset(&self) -> Option<WrittenDataset> {
        let view = self.table("dataset")?;
        // Read even if one of them is wrong: the others can still be compared with the dataset.
        let classes = view.node.get("classes").map(|node| {
            let classes = node.items().iter().filter_map(|item| {
                let index = item.integer().map(WrittenClass::Index);
                let name = || item.text().map(|name| WrittenClass::Name(name.to_owned()));
                let value = index.or_else(name)?;
                let span = item.span.clone();
                Some(Located { value, span })
            });
            classes.collect()
        });
        let component = view.component(UseKind::Dataset)?;
        Some(WrittenDataset {
            component,
            classes,
            normalise: view.normalise(),
        })
    }

    fn pins(&self) -> Vec<WrittenPin> {
        let entries = self.node.get("plugins").map_or(&[][..], Node::entries);
        let pins = entries.iter().filter_map(|entry| {
            let view = View::new(&keys::PLUGIN, &entry.node, String::new());
            Some(WrittenPin {
                plugin: Located {
                    value: entry.key.clone(),
                    span: entry.key_span.clone(),
                },
                sha256: view.text("sha256")?,
            })
        });
        pins.collect()
    }

    fn cuts(&self) -> Vec<Located<WrittenCut>> {
        let plain = |node: &Node| {
            let layers = node
                .integer()
                .and_then(|layers| usize::try_from(layers).ok());
            let name = || node.text().map(|name| WrittenPlace::Name(name.to_owned()));
            layers.map(WrittenPlace::Layers).or_else(name)
        };
        self.one_or_more("cut", |node| {
            if !matches!(node.value, tree::Value::Table(_)) {
                let (place, reduction) = (plain(node)?, Reduction::default());
                return Some(WrittenCut { place, reduction });
            }
            let view = View::new(&keys::CUT, node, shape::join(&self.path, "cut"));
            let rule = view.component(UseKind::Cut).map(Box::new);
            // `rules` has said what is wrong with none or several of them.
            let place = match (view.node.get("at"), view.node.get("join"), rule) {
                (Some(at), None, None) => plain(at)?,
                (None, Some(places), None) => {
                    let places = places.items().iter().map(plain);
                    WrittenPlace::Joined(places.collect::<Option<_>>()?)
                }
                (None, None, Some(rule)) => WrittenPlace::Rule(rule),
                _ => return None,
            };
            let reduction = view.plain(json!({ "at": null, "join": null, "use": null }))?;
            Some(WrittenCut { place, reduction })
        })
    }

    fn multipliers(&self) -> Option<Vec<(Located<LayerPattern>, f64)>> {
        let node = self.located("learning-rate-multipliers", |node| Some(node.clone()))?;
        let entries = node.value.entries().iter().map(|entry| {
            let pattern = Located {
                value: entry.key.parse().ok()?,
                span: entry.key_span.clone(),
            };
            // The only word there is stands for 0.
            Some((pattern, entry.node.number().unwrap_or(0.0)))
        });
        entries.collect()
    }

    fn train(&self) -> Option<WrittenTrain> {
        let view = self.table("train")?;
        let settings = view.settings(&Map::new());
        Some(WrittenTrain {
            node: view.node.clone(),
            train: settings.and_then(file_form::train_from_file),
            path: view.path,
        })
    }

    fn normalise(&self) -> Option<Located<Normalise>> {
        let view = self.table("normalise")?;
        let span = view.node.span.clone();
        let value = view.plain(json!({}))?;
        Some(Located { value, span })
    }
}
