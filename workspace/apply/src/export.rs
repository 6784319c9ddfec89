//! A fitted row as one file for other programs.

use std::{fs, path::PathBuf, time::Instant};

use topwork_export::{
    Agreement, Components, Exported, Head as ExportedHead, Images as Given, LabelHead, Layout,
    OneLabel, OnnxFile, PairScore, Trunk as ExportedTrunk, append_metadata, prove,
};
use topwork_graft::{Backbone, FittedHead, Head, LabelForm, Predictor, Services, data::SplitName};
use topwork_host::{Classifier, ExtractorModel, Kind, ModelLayout, Scores};
use topwork_measure::TargetKind;
use topwork_schema::{Component, Plan, Start, without_paths};

use crate::{
    ApplyError, Done, Export, Written,
    images::{Examples, OfSplit, each_block},
    opened::OpenedRun,
};

/// What of the scores of samples without and with a label is its score, where those of all labels are `wanted`.
fn score_of(pair: Scores, wanted: Scores) -> PairScore {
    match (wanted, pair) {
        (Scores::LabelProbabilities, Scores::Probabilities) => PairScore::With,
        (Scores::LabelProbabilities, _) => PairScore::Logistic,
        _ => PairScore::Difference,
    }
}

/// The row, and what the file is to be.
pub struct Exporting<'a> {
    pub run: &'a OpenedRun<'a>,
    pub asked: &'a Export,
    pub predictor: &'a Predictor<'a>,
    pub services: &'a dyn Services,
}

impl Exporting<'_> {
    /// Writes the file, and proves it on these examples of the run: without one that differs in its class there is a file.
    pub fn write(
        &self,
        tested: impl FnOnce() -> Result<Vec<(usize, Option<u32>)>, ApplyError>,
        task: &topwork_graft::data::TaskExamples,
        said: &dyn Fn(u64, u64),
    ) -> Result<Done, ApplyError> {
        let began = Instant::now();
        let (run, predictor) = (self.run, self.predictor);
        let row = run.row(self.asked.fits.row)?;
        let cut = predictor.features.cut();
        let classes = &run.plan.target_classes;
        let trained = match run.plan.strategy(row).weights {
            Start::Source => run.trained(self.asked.fits.seed)?,
            Start::Random => None,
        };
        let kept;
        let model: ExtractorModel;
        let described;
        let trunk = match (predictor.features.learnt(), &run.backbone) {
            (Some(trunk), _) => ExportedTrunk::Network(trunk),
            (None, Backbone::Network(_)) => {
                let tools = run.tools(self.services);
                let weights = run.plan.strategy(row).weights;
                let seed = self.asked.fits.seed;
                kept = tools.trunk_with(seed, weights, trained.as_ref(), cut)?;
                ExportedTrunk::Network(&kept)
            }
            (None, Backbone::Extractor(opaque)) => {
                model = opaque.model(cut.layers.saturating_sub(1))?.ok_or_else(|| {
                    let id = &run.plan.experiment.backbone.component;
                    refused(format!(
                        "the backbone `{id}` does not give what it computes as a model file"
                    ))
                })?;
                described = run.backbone.activations_at(cut)?;
                let dims = described.dims.as_ref();
                ExportedTrunk::File(OnnxFile {
                    bytes: &model.file,
                    input: &model.input,
                    layout: match model.layout {
                        ModelLayout::Nchw => Layout::Nchw,
                        ModelLayout::Nhwc => Layout::Nhwc,
                    },
                    output: &model.output,
                    sizes: dims.map_or(&described.shape, |dims| &dims.sizes),
                    channels: match dims {
                        Some(dims) => dims.channels,
                        None => (described.shape.len() == 3).then_some(0),
                    },
                    batch: model.batch,
                })
            }
        };
        let (layers, labels);
        let layers_of = |classifier: &Classifier, outputs: usize| {
            let said = classifier.layers(predictor.features.dim(), outputs)?;
            said.ok_or_else(|| {
                let id = &run.plan.strategy(row).head.component;
                refused(format!(
                    "the head `{id}` does not say what it does as layers"
                ))
            })
        };
        let head = match predictor.head() {
            Head::Network(network) => ExportedHead::Network(network),
            Head::Fitted(FittedHead::Labels(head)) => {
                labels = match head.form() {
                    LabelForm::AtOnce(head) => LabelHead::AtOnce(layers_of(head, classes.len())?),
                    LabelForm::Each(labels) => LabelHead::Each(
                        (labels.into_iter())
                            .map(|label| match label {
                                Ok(classifier) => Ok(OneLabel::Against {
                                    rest: layers_of(classifier, 2)?,
                                    score: score_of(classifier.scores(), head.scores_are()),
                                }),
                                Err(score) => Ok(OneLabel::Always(score)),
                            })
                            .collect::<Result<_, ApplyError>>()?,
                    ),
                };
                ExportedHead::Labels(&labels)
            }
            Head::Fitted(FittedHead::Whole(classifier)) => {
                layers = layers_of(classifier, classes.len())?;
                ExportedHead::Classifier(&layers)
            }
        };
        let basis = predictor
            .features
            .components()
            .map(|fitted| (fitted.mean(), fitted.basis()));
        let metadata = self.metadata(&run.plan);
        let exported = Exported {
            name: &run.plan.experiment.name,
            input: predictor.features.input(),
            bytes: self.asked.bytes,
            normalise: predictor.features.normalises(),
            trunk,
            reduction: cut.reduction,
            components: basis
                .as_ref()
                .map(|(mean, basis)| Components { mean, basis }),
            head,
            scores: predictor.head_scores_are(),
            temperature: predictor.temperature(),
            classes,
            metadata: &metadata,
        };
        let fail = |error: topwork_export::ExportError| refused(error.to_string());
        if self.asked.to == Written::Safetensors {
            self.keep(&exported.to_safetensors().map_err(fail)?)?;
            return Ok(Done {
                seconds: began.elapsed().as_secs_f64(),
                ..Done::default()
            });
        }
        let mut file = exported.to_onnx().map_err(fail)?;
        let examples = spread(tested()?, self.asked.images);
        let (images, scores) = self.answers(task, (SplitName::Test, examples), said)?;
        let bytes: Vec<u8>;
        let given = match self.asked.bytes {
            true => {
                bytes = images.iter().map(|x| (x * 255.0).round() as u8).collect();
                Given::Bytes(&bytes)
            }
            false => Given::Numbers(&images),
        };
        let shape = predictor.features.input();
        let agreement = prove(
            &file,
            given,
            shape,
            &scores,
            (run.plan.targets, classes.len()),
        )
        .map_err(|error| refused(error.to_string()))?;
        if agreement.equal < agreement.of {
            return Err(ApplyError::Other {
                message: format!(
                    "the exported model is not the row: by rten {}",
                    told(&agreement)
                ),
                hint: Some("nothing was written; please report it".to_owned()),
            });
        }
        append_metadata(&mut file, &[("agreement-rten", &told(&agreement))]);
        self.keep(&file)?;
        self.keep_proof(&images, &scores)?;
        Ok(Done {
            images: agreement.of as u64,
            seconds: began.elapsed().as_secs_f64(),
            dim: predictor.features.dim() as u64,
            agreement: Some(agreement),
            ..Done::default()
        })
    }

    /// Images and scores of the row itself, for the proof.
    fn answers(
        &self,
        task: &topwork_graft::data::TaskExamples,
        examples: OfSplit,
        said: &dyn Fn(u64, u64),
    ) -> Result<(Vec<f32>, Vec<f32>), ApplyError> {
        let total = examples.1.len() as u64;
        let mut source = Examples::new(task, vec![examples])?;
        let (mut images, mut scores, mut features) = (Vec::new(), Vec::new(), Vec::new());
        let mut done = 0;
        each_block(&mut source, self.predictor.features.block(), |mut block| {
            images.extend_from_slice(&block.images);
            self.predictor
                .features
                .run(&mut block.images, &mut features)?;
            scores.extend(self.predictor.scores(&features)?);
            done += block.items.len() as u64;
            said(done, total);
            Ok(())
        })?;
        Ok((images, scores))
    }

    /// What the file says of itself beside classes and agreement.
    fn metadata(&self, plan: &Plan) -> Vec<(String, String)> {
        let fits = &self.asked.fits;
        let features = &self.predictor.features;
        let data = &plan.experiment.target.dataset.component;
        let row = &plan.rows[fits.row];
        let mut words = vec![
            ("topwork", env!("CARGO_PKG_VERSION").to_owned()),
            ("run", self.asked.run_id.clone()),
            ("row", plan.title(row)),
            ("seed", fits.seed.to_string()),
            ("backbone", plan.experiment.backbone.component.clone()),
            ("cut", features.cut().name.clone()),
            ("head", plan.strategy(row).head.component.clone()),
            ("trunk-sha256", features.digest().to_owned()),
            (
                "images",
                match self.asked.bytes {
                    true => "bytes, 0 to 255, N × channels × height × width; normalised within",
                    false => "numbers, 0 to 1, N × channels × height × width; normalised within",
                }
                .to_owned(),
            ),
            ("files-become-images-by", data.component.clone()),
            (
                "files-become-images-with",
                serde_json::Value::from(without_paths(&self.schema_of(data), &data.parameters))
                    .to_string(),
            ),
            (
                "scores",
                topwork_worker::word(self.predictor.scores_are()).to_owned(),
            ),
        ];
        if let [fold] = fits.folds.as_slice() {
            words.push(("fitted-without-fold", fold.to_string()));
        }
        words
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    }

    /// The schema of a dataset's parameters.
    fn schema_of(&self, dataset: &Component) -> serde_json::Value {
        let tools = self.run.tools(self.services);
        let mut plugins = tools.plugins.list().iter();
        let plugin = plugins.find(|plugin| plugin.id == dataset.plugin());
        let mut components = plugin.into_iter().flat_map(|plugin| &plugin.components);
        let found = components.find(|one| one.kind == Kind::Dataset && one.id == dataset.id());
        found.map_or(serde_json::Value::Null, |found| found.schema.clone())
    }

    fn keep(&self, file: &[u8]) -> Result<(), ApplyError> {
        write(&self.asked.path, file)
    }

    /// Images and scores for a proof by another runtime.
    fn keep_proof(&self, images: &[f32], scores: &[f32]) -> Result<(), ApplyError> {
        let Some(folder) = &self.asked.proof else {
            return Ok(());
        };
        let bytes = |values: &[f32]| -> Vec<u8> {
            values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect()
        };
        write(&folder.join("images"), &bytes(images))?;
        write(&folder.join("scores"), &bytes(scores))?;
        let [channels, height, width] = self.predictor.features.input();
        let classes = self.run.plan.target_classes.len();
        let targets = self.run.plan.targets.word();
        let shape = format!("{channels} {height} {width} {targets} {classes}");
        write(&folder.join("shape"), shape.as_bytes())
    }
}

fn write(path: &PathBuf, content: &[u8]) -> Result<(), ApplyError> {
    fs::write(path, content).map_err(|error| ApplyError::Other {
        message: format!(
            "cannot write `{}`: {}",
            path.display(),
            topwork_sniff::reason(&error)
        ),
        hint: None,
    })
}

/// So many of these, evenly spread.
fn spread(examples: Vec<(usize, Option<u32>)>, most: usize) -> Vec<(usize, Option<u32>)> {
    let count = examples.len();
    let wanted = count.min(most.max(1));
    (0..wanted)
        .map(|at| examples[at * count / wanted])
        .collect()
}

/// An agreement in words.
pub fn told(agreement: &Agreement) -> String {
    let (same, values) = match agreement.targets {
        TargetKind::Classes => ("class", "scores"),
        TargetKind::Numbers => ("number to 1e-5 of the largest", "numbers"),
        TargetKind::Multilabel => ("scores to 1e-5 of the largest", "scores"),
    };
    format!(
        "{} of {} test images have the same {same}, {values} differ by at most {:.1e} of the largest",
        agreement.equal, agreement.of, agreement.largest_relative_difference
    )
}

fn refused(message: String) -> ApplyError {
    ApplyError::Other {
        message,
        hint: None,
    }
}
