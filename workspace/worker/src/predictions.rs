//! What a strategy says of every example it is measured on.

use std::collections::HashMap;

use topwork_measure::{Scores, TargetKind, Targets, Truth, highest, predicted};

use crate::WorkerError;

/// With more classes than this a line has not all scores: those of 10,000 classes take 2 GB for
/// every 20,000 examples.
pub const ALL_SCORES: usize = 1000;

/// The highest scores it has instead.
pub const TOP: usize = 5;

/// What one strategy with one seed says of the test examples, in their order, whatever the target has.
pub struct Tested<'a> {
    /// Positions of the examples in the dataset's split.
    pub positions: &'a [u64],
    /// The fold each was left out with, from 1; empty where there are none.
    pub folds: &'a [u32],
    /// What the dataset calls each; empty where it does not say.
    pub names: &'a [String],
    /// What is true of them.
    pub truth: Targets<'a>,
    /// As many scores, or predicted numbers, for each as there are classes, labels or columns.
    pub scores: &'a [f32],
    /// What they are.
    pub are: Scores,
    /// What classes, labels or columns are called.
    pub classes: &'a [String],
}

impl Tested<'_> {
    /// The content of the run's file of predictions.
    pub fn to_file(&self) -> Result<Vec<u8>, WorkerError> {
        let csv = match self.truth {
            Targets::Classes(labels) => self.classes_to_csv(labels),
            Targets::Numbers(truth) | Targets::Multilabel(truth) => {
                self.columns_to_csv(truth.values)
            }
        };
        csv.map_err(|error| WorkerError::System {
            action: "put predictions into a file",
            reason: error.to_string(),
        })
    }

    /// One line per test example: its position, its class, the class predicted, with folds the
    /// one it was left out with, its name where the dataset tells names, all scores; of more than
    /// 1,000 classes the score of its own class and the five highest.
    fn classes_to_csv(&self, labels: &[u32]) -> Result<Vec<u8>, csv::Error> {
        let all = self.classes.len() <= ALL_SCORES;
        let word = word(self.are);
        let mut file = csv::Writer::from_writer(Vec::new());
        let mut header: Vec<String> = ["example", "class", PREDICTED].map(str::to_owned).to_vec();
        if !self.folds.is_empty() {
            header.push("fold".to_owned());
        }
        if !self.names.is_empty() {
            header.push("name".to_owned());
        }
        if all {
            header.extend(self.classes.iter().map(|class| format!("{word} {class}")));
        } else {
            header.push(format!("{word} of class"));
            header.extend(
                (1..=TOP).flat_map(|place| [format!("top {place}"), format!("{word} {place}")]),
            );
        }
        file.write_record(&header)?;
        let scores = self.scores.chunks_exact(self.classes.len());
        let examples = self.positions.iter().zip(labels).zip(scores);
        for (index, ((position, label), scores)) in examples.enumerate() {
            let name = |class: usize| self.classes[class].as_str();
            file.write_field(position.to_string())?;
            file.write_field(name(*label as usize))?;
            file.write_field(name(predicted(scores)))?;
            if let Some(fold) = self.folds.get(index) {
                file.write_field(fold.to_string())?;
            }
            if let Some(name) = self.names.get(index) {
                file.write_field(name)?;
            }
            if all {
                for score in scores {
                    file.write_field(score.to_string())?;
                }
            } else {
                file.write_field(scores[*label as usize].to_string())?;
                for class in highest(scores, TOP) {
                    file.write_field(name(class))?;
                    file.write_field(scores[class].to_string())?;
                }
            }
            file.write_record(None::<&[u8]>)?;
        }
        // The last buffer goes into memory, too.
        file.into_inner().map_err(|error| error.into_error().into())
    }

    /// One line per test example: its position, of labels the names of those predicted, its numbers or labels, the numbers or scores
    /// predicted, with folds the one it was left out with, its name where the dataset tells names.
    fn columns_to_csv(&self, truth: &[f32]) -> Result<Vec<u8>, csv::Error> {
        let mut file = csv::Writer::from_writer(Vec::new());
        let fold = (!self.folds.is_empty()).then_some("fold");
        let name = (!self.names.is_empty()).then_some("name");
        let numbers = column_names(self.classes, self.are);
        let of_labels = self.are.gives().of() == TargetKind::Multilabel;
        let first = ["example"].into_iter();
        let columns =
            (first.chain(of_labels.then_some(PREDICTED))).chain(numbers.iter().map(String::as_str));
        file.write_record(columns.chain(fold).chain(name))?;
        let count = self.classes.len();
        let numbers = truth
            .chunks_exact(count)
            .zip(self.scores.chunks_exact(count));
        for (index, (position, (truth, predicted))) in
            self.positions.iter().zip(numbers).enumerate()
        {
            file.write_field(position.to_string())?;
            if of_labels {
                file.write_field(labels_predicted(predicted, self.are, self.classes))?;
            }
            for number in truth.iter().chain(predicted) {
                file.write_field(number.to_string())?;
            }
            if let Some(fold) = self.folds.get(index) {
                file.write_field(fold.to_string())?;
            }
            if let Some(name) = self.names.get(index) {
                file.write_field(name)?;
            }
            file.write_record(None::<&[u8]>)?;
        }
        // The last buffer goes into memory, too.
        file.into_inner().map_err(|error| error.into_error().into())
    }
}

/// What a column of scores is called before the name of its class, label or column of numbers.
pub fn word(are: Scores) -> &'static str {
    match are {
        Scores::Ranking | Scores::LabelMargins => "score",
        Scores::Probabilities | Scores::LabelProbabilities => "probability",
        Scores::Logits | Scores::LabelLogits => "logit",
        Scores::Numbers => "predicted",
    }
}

/// All that they are called.
const WORDS: [Scores; 3] = [Scores::Ranking, Scores::Probabilities, Scores::Logits];

/// The column of what is predicted: a class, or the names of labels.
pub const PREDICTED: &str = "predicted";

/// The names of the labels predicted by scores that are this, with `;` between them.
pub fn labels_predicted(scores: &[f32], are: Scores, names: &[String]) -> String {
    let own = names.iter().zip(scores);
    let own = own.filter(|(_, score)| **score > are.threshold());
    let own: Vec<&str> = own.map(|(name, _)| name.as_str()).collect();
    own.join(";")
}

/// The columns of what is true of examples with numbers or labels: of one column of numbers without its name.
pub fn true_columns(names: &[String], targets: TargetKind) -> Vec<String> {
    titled("true", names, targets)
}

/// The columns of true and of predicted numbers, or of scores of labels, in a file of predictions.
pub fn column_names(names: &[String], are: Scores) -> Vec<String> {
    let targets = are.gives().of();
    let mut columns = true_columns(names, targets);
    columns.extend(titled(word(are), names, targets));
    columns
}

fn titled(word: &str, names: &[String], targets: TargetKind) -> Vec<String> {
    match (names, targets) {
        ([_], TargetKind::Numbers) => vec![word.to_owned()],
        (names, _) => (names.iter().map(|name| format!("{word} {name}"))).collect(),
    }
}

/// What is true and predicted in every line of a file of numbers or labels with these columns; `None` for any other file.
pub fn columns_of(csv: &[u8], names: &[String], are: Scores) -> Option<(Truth, Vec<f32>)> {
    let mut reader = csv::Reader::from_reader(csv);
    let headers = reader.headers().ok()?;
    let columns = column_names(names, are);
    // Earlier versions said no names of labels before them.
    let first =
        (headers.iter()).position(|header| Some(header) == columns.first().map(String::as_str))?;
    if !headers.iter().skip(first).take(columns.len()).eq(columns) {
        return None;
    }
    let (mut truth, mut predicted) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record.ok()?;
        for column in 0..names.len() {
            truth.push(record.get(first + column)?.parse().ok()?);
            predicted.push(record.get(first + names.len() + column)?.parse().ok()?);
        }
    }
    let (values, columns) = (truth, names.len());
    let truth = match are {
        Scores::Numbers => Truth::Numbers { values, columns },
        _ => Truth::Multilabel { values, columns },
    };
    Some((truth, predicted))
}

/// For every line of a file of classes, whether the class predicted is the
/// true one; `None` for any other file.
pub fn right_of(csv: &[u8]) -> Option<Vec<bool>> {
    csv::Reader::from_reader(csv)
        .records()
        .map(|record| {
            let record = record.ok()?;
            Some(record.get(1)? == record.get(2)?)
        })
        .collect()
}

/// True labels and scores, `labels × classes`, of every line of a file of
/// classes; `None` for any other file, and for one that has not all scores.
pub fn scores_of(csv: &[u8], classes: &[String]) -> Option<(Vec<u32>, Vec<f32>)> {
    let labels_of: HashMap<&str, u32> = (0..)
        .zip(classes)
        .map(|(at, name)| (name.as_str(), at))
        .collect();
    let mut reader = csv::Reader::from_reader(csv);
    let headers = reader.headers().ok()?;
    let first = headers.len().checked_sub(classes.len())?;
    let named = |are: &Scores| {
        let mut columns = headers.iter().skip(first).zip(classes);
        columns.all(|(header, class)| header == format!("{} {class}", word(*are)))
    };
    if !WORDS.iter().any(named) || classes.is_empty() {
        return None;
    }
    let (mut labels, mut scores) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record.ok()?;
        labels.push(*labels_of.get(record.get(1)?)?);
        for score in record.iter().skip(first) {
            scores.push(score.parse().ok()?);
        }
    }
    Some((labels, scores))
}

#[cfg(test)]
mod tests {
    use topwork_measure::Columns;

    use super::*;

    fn text(tested: &Tested<'_>) -> String {
        String::from_utf8(tested.to_file().unwrap()).unwrap()
    }

    #[test]
    fn csv_by_hand() {
        let predictions = Tested {
            positions: &[3, 8],
            folds: &[],
            names: &[],
            truth: Targets::Classes(&[0, 1]),
            scores: &[0.25, 0.75, -1.0, 2.5],
            are: Scores::Ranking,
            classes: &["a, b".to_owned(), "c".to_owned()],
        };
        let expected = "example,class,predicted,\"score a, b\",score c\n3,\"a, b\",c,0.25,0.75\n8,c,c,-1,2.5\n";
        assert_eq!(text(&predictions), expected);
        assert_eq!(right_of(expected.as_bytes()), Some(vec![false, true]));
        let back = (vec![0, 1], predictions.scores.to_vec());
        assert_eq!(
            scores_of(expected.as_bytes(), predictions.classes),
            Some(back)
        );
        let folds = Tested {
            folds: &[2, 1],
            ..predictions
        };
        let expected = "example,class,predicted,fold,\"score a, b\",score c\n3,\"a, b\",c,2,0.25,0.75\n8,c,c,1,-1,2.5\n";
        assert_eq!(text(&folds), expected);
        assert_eq!(right_of(expected.as_bytes()), Some(vec![false, true]));
        let back = (vec![0, 1], folds.scores.to_vec());
        assert_eq!(scores_of(expected.as_bytes(), folds.classes), Some(back));
        let names = ["cat/a.png".to_owned(), "dog, \"b\".png".to_owned()];
        let named = Tested {
            names: &names,
            ..folds
        };
        let expected_named = "example,class,predicted,fold,name,\"score a, b\",score c\n3,\"a, b\",c,2,cat/a.png,0.25,0.75\n8,c,c,1,\"dog, \"\"b\"\".png\",-1,2.5\n";
        assert_eq!(text(&named), expected_named);
        assert_eq!(right_of(expected_named.as_bytes()), Some(vec![false, true]));
        let back = (vec![0, 1], named.scores.to_vec());
        assert_eq!(
            scores_of(expected_named.as_bytes(), named.classes),
            Some(back)
        );
        assert_eq!(right_of(b"example,class\n1,2\n"), None);
        let other = ["a".to_owned(), "c".to_owned()];
        assert_eq!(scores_of(expected.as_bytes(), &other), None);
    }

    #[test]
    fn labels_are_named_and_read_back() {
        let columns = ["cat".to_owned(), "dog".to_owned()];
        let file = Tested {
            positions: &[3, 8],
            folds: &[],
            names: &[],
            classes: &columns,
            truth: Targets::Multilabel(Columns {
                values: &[1.0, 0.0, 0.0, 0.0],
                count: 2,
            }),
            scores: &[0.75, 0.625, 0.5, 0.25],
            are: Scores::LabelProbabilities,
        };
        let csv = String::from_utf8(file.to_file().unwrap()).unwrap();
        let expected = "example,predicted,true cat,true dog,probability cat,probability dog\n3,cat;dog,1,0,0.75,0.625\n8,,0,0,0.5,0.25\n";
        assert_eq!(csv, expected);
        let earlier = expected
            .replace("predicted,", "")
            .replace("cat;dog,", "")
            .replace(",,", ",");
        for text in [expected, &earlier] {
            let (truth, predicted) = columns_of(text.as_bytes(), &columns, file.are).unwrap();
            assert_eq!(
                (truth.targets().numbers_of(0), predicted),
                (vec![1.0, 0.0], file.scores.to_vec())
            );
        }
        assert_eq!(
            columns_of(expected.as_bytes(), &columns, Scores::LabelLogits),
            None
        );
    }

    #[test]
    fn columns_say_what_scores_are() {
        let classes = ["a".to_owned(), "b".to_owned()];
        for (are, header) in [
            (Scores::Ranking, "score a,score b"),
            (Scores::Probabilities, "probability a,probability b"),
            (Scores::Logits, "logit a,logit b"),
        ] {
            let predictions = Tested {
                positions: &[3],
                folds: &[],
                names: &[],
                truth: Targets::Classes(&[1]),
                scores: &[0.25, 0.75],
                are,
                classes: &classes,
            };
            let csv = text(&predictions);
            assert_eq!(
                csv.lines().next(),
                Some(format!("example,class,predicted,{header}").as_str())
            );
            let back = scores_of(csv.as_bytes(), &classes);
            assert_eq!(back, Some((vec![1], vec![0.25, 0.75])));
        }
    }

    #[test]
    fn of_many_classes_a_line_has_the_highest_scores() {
        let check = |count: usize, header: &str, line: &str| {
            let classes: Vec<String> = (0..count).map(|class| format!("c{class}")).collect();
            let scores: Vec<f32> = (0..count).map(|class| (class % 700) as f32).collect();
            let predictions = Tested {
                positions: &[9],
                folds: &[2],
                names: &[],
                truth: Targets::Classes(&[3]),
                scores: &scores,
                are: Scores::Ranking,
                classes: &classes,
            };
            let csv = text(&predictions);
            let lines: Vec<&str> = csv.lines().collect();
            assert!(
                lines[0].starts_with(header) && lines[1].starts_with(line),
                "{count}: {csv}"
            );
            assert_eq!(right_of(csv.as_bytes()), Some(vec![false]));
            let back = (count <= ALL_SCORES).then(|| (vec![3], scores.clone()));
            assert_eq!(scores_of(csv.as_bytes(), &classes), back);
            lines[0].split(',').count()
        };
        let all = "example,class,predicted,fold,score c0,score c1,";
        assert_eq!(check(1000, all, "9,c3,c699,2,0,1,2,"), 1004);
        let top = "example,class,predicted,fold,score of class,top 1,score 1,top 2,score 2,";
        let line = "9,c3,c699,2,3,c699,699,c698,698,c697,697,c696,696,c695,695";
        assert_eq!(check(1001, top, line), 15);
        // Of equals the first.
        let line = "9,c3,c699,2,3,c699,699,c1399,699,c698,698,c1398,698,c697,697";
        check(1400, top, line);
    }
}
