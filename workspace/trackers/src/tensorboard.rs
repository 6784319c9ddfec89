//! Event files of TensorBoard: a run of its own for every row and seed.

use std::path::Path;

use prost::Message;

use crate::{File, Run, epochs, record::record, slug, stage};

/// The event files of a run, below a folder named after it: for every row with every seed its figures and the
/// epochs of its training, for every row its mean over seeds with the 95 % interval, and for every seed the training of
/// the source.
///
/// Figures are scalars `figure/ID` at step 0, epochs are scalars `epoch/loss` and so on at the step of their number.
/// TensorBoard keeps scalars as 32-bit floats.
pub fn tensorboard(run: &Run<'_>) -> Vec<File> {
    let folder = Path::new(&run.results.run);
    let state = run.state;
    let mut files = Vec::new();
    let mut put = |name: String, scalars: Vec<Scalar>| {
        let Some(first) = scalars.first() else {
            return;
        };
        // TensorBoard takes files with this word in their names; the number is when they were begun, in seconds.
        let file = format!("events.out.tfevents.{:010}.topwork", first.at / 1000);
        let content = event_file(&scalars);
        files.push(File {
            path: folder.join(name).join(file),
            content,
        });
    };
    let seeds = state.plan.as_ref().map_or(&[][..], |plan| &plan.seeds);
    for &seed in seeds {
        let scalars = stage(state, None, seed).map(of_epochs).unwrap_or_default();
        put(format!("source/seed-{seed}"), scalars);
    }
    let ended = state.latest_at;
    for (row, result) in run.results.strategies.iter().enumerate() {
        let name = slug(row, &result.title);
        for seed in &result.seeds {
            let stage = stage(state, Some(row), seed.seed);
            let mut scalars = stage.map(of_epochs).unwrap_or_default();
            let at = stage.map_or(ended, |stage| {
                stage.started_at + (stage.seconds.unwrap_or(0.0) * 1000.0) as u64
            });
            scalars.extend(seed.figures.iter().map(|(figure, value)| Scalar {
                tag: format!("figure/{figure}"),
                at,
                step: 0,
                value: *value,
            }));
            put(format!("{name}/seed-{}", seed.seed), scalars);
        }
        let mut scalars = Vec::new();
        for (figure, known) in &result.figures {
            let mut scalar = |tag: String, value| {
                scalars.push(Scalar {
                    tag,
                    at: ended,
                    step: 0,
                    value,
                })
            };
            scalar(format!("figure/{figure}"), known.mean);
            if let Some(interval) = known.interval {
                scalar(format!("interval/{figure}-low"), interval.low);
                scalar(format!("interval/{figure}-high"), interval.high);
            }
        }
        put(format!("{name}/mean"), scalars);
    }
    files
}

/// One value over steps.
struct Scalar {
    tag: String,
    /// Milliseconds since the Unix epoch.
    at: u64,
    step: i64,
    value: f64,
}

fn of_epochs(stage: &topwork_events::StageState) -> Vec<Scalar> {
    let values = epochs(stage).into_iter();
    values
        .map(|value| Scalar {
            tag: value.name,
            at: value.at,
            step: i64::from(value.epoch),
            value: value.value,
        })
        .collect()
}

fn event_file(scalars: &[Scalar]) -> Vec<u8> {
    let seconds = |at: u64| at as f64 / 1000.0;
    // Always the first record.
    let version = Event {
        wall_time: scalars.first().map_or(0.0, |first| seconds(first.at)),
        step: 0,
        file_version: Some("brain.Event:2".to_owned()),
        summary: None,
    };
    let mut content = record(&version.encode_to_vec());
    for scalar in scalars {
        let value = Value {
            tag: scalar.tag.clone(),
            simple_value: Some(scalar.value as f32),
        };
        let event = Event {
            wall_time: seconds(scalar.at),
            step: scalar.step,
            file_version: None,
            summary: Some(Summary { value: vec![value] }),
        };
        content.extend(record(&event.encode_to_vec()));
    }
    content
}

/// What of TensorFlow's `tensorflow/core/util/event.proto` is written; the fields of its `oneof` are told one at a
/// time.
#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

/// Of `tensorflow/core/framework/summary.proto`.
#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

/// Of the same: `Summary.Value`.
#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    // 0 is written, too: a value that is not there is none.
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The scalars of an event file, read back as TensorBoard does.
    fn read(mut bytes: &[u8]) -> Vec<(String, i64, f32)> {
        let mut scalars = Vec::new();
        while !bytes.is_empty() {
            let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            let event = Event::decode(&bytes[12..12 + length]).unwrap();
            assert_eq!(record(&bytes[12..12 + length]), bytes[..16 + length]);
            for value in event.summary.into_iter().flat_map(|summary| summary.value) {
                scalars.push((value.tag, event.step, value.simple_value.unwrap()));
            }
            bytes = &bytes[16 + length..];
        }
        scalars
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(values in prop::collection::vec(("[a-z/]{1,9}", 0_i64..99, -1e3_f32..1e3), 1..20)) {
            let scalar = |(tag, step, value): &(String, i64, f32)| Scalar {
                tag: tag.clone(), at: 1_700_000_000_000, step: *step, value: f64::from(*value),
            };
            let scalars: Vec<Scalar> = values.iter().map(scalar).collect();
            prop_assert_eq!(read(&event_file(&scalars)), values);
        }
    }

    #[test]
    fn zero_is_a_value() {
        let zero = Scalar {
            tag: "loss".to_owned(),
            at: 0,
            step: 3,
            value: 0.0,
        };
        assert_eq!(read(&event_file(&[zero])), [("loss".to_owned(), 3, 0.0)]);
    }
}
