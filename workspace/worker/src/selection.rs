//! What rows have chosen on their training samples: as it is told, and as a table in the run folder.

use topwork_events::{Chosen, SelectedOn, Selection};
use topwork_graft::{MeasuredRow, data::TaskExamples};
use topwork_schema::{Candidate, Plan, Row, SelectOn};

use crate::{WorkerError, execute::Execution};

impl Execution<'_> {
    /// Keeps the candidates of a row with their figures in the run folder, and the training examples that they were judged on.
    pub fn keep_selection(
        &self,
        row: usize,
        seed: u64,
        selection: &Selection,
        made: &MeasuredRow,
    ) -> Result<(), WorkerError> {
        let title = self.plan.title(&self.plan.rows[row]);
        let fail = |error: csv::Error| WorkerError::System {
            action: "put candidates into a file",
            reason: error.to_string(),
        };
        let path = self.folder.selection_path(row, &title, seed);
        self.folder.write(&path, &table(selection).map_err(fail)?)?;
        let fits: Vec<&[usize]> = (made.fitted.selected.iter())
            .map(|fit| fit.judged_on.as_slice())
            .collect();
        let judged = judged_on(self.target()?, &fits).map_err(fail)?;
        let path = self.folder.judged_on_path(row, &title, seed);
        Ok(self.folder.write(&path, &judged)?)
    }
}

/// A line for every training example that candidates were judged on, by its position in the split; with folds so many for each of
/// them.
fn judged_on(task: &TaskExamples, fits: &[&[usize]]) -> Result<Vec<u8>, csv::Error> {
    let folds = fits.len() > 1;
    let mut file = csv::Writer::from_writer(Vec::new());
    let fold = folds.then_some("fold");
    file.write_record(fold.into_iter().chain(["example", "class"]))?;
    for (fold, examples) in (1..).zip(fits) {
        for &example in *examples {
            let fold = folds.then(|| i32::to_string(&fold));
            let position = task.train.positions[example].to_string();
            let class = &task.names[task.train.labels[example] as usize];
            file.write_record(fold.iter().chain([&position, class]))?;
        }
    }
    file.into_inner().map_err(|error| error.into_error().into())
}

/// What a row has chosen, and from what; `None` where it does not choose.
pub fn of_row(plan: &Plan, row: &Row, made: &MeasuredRow) -> Option<Selection> {
    let select = plan.strategy(row).select.as_ref()?;
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let candidates = select.candidates(&row.among);
    Some(Selection {
        on: match select.on {
            SelectOn::Holdout(share) => SelectedOn::Holdout(share),
            SelectOn::Folds(folds) => SelectedOn::Folds(count(folds)),
        },
        by: select.by.clone(),
        parameters: select.paths(),
        candidates: candidates.iter().map(Candidate::values).collect(),
        fits: (made.fitted.selected.iter())
            .map(|fit| Chosen {
                chosen: fit.chosen,
                judged_on: fit.judged_on.len() as u64,
                figures: fit.figures.clone(),
                unconverged: fit.unconverged.clone(),
            })
            .collect(),
    })
}

/// A line for every candidate: its values, its figure, whether it was chosen, and whether all its fits converged; with folds so many
/// lines for each of them.
fn table(selection: &Selection) -> Result<Vec<u8>, csv::Error> {
    let folds = selection.fits.len() > 1;
    let mut file = csv::Writer::from_writer(Vec::new());
    let mut header: Vec<&str> = folds.then_some("fold").into_iter().collect();
    header.extend(selection.parameters.iter().map(String::as_str));
    header.extend([selection.by.as_str(), "chosen", "converged"]);
    file.write_record(&header)?;
    for (fold, fit) in (1..).zip(&selection.fits) {
        for (index, (values, figure)) in selection.candidates.iter().zip(&fit.figures).enumerate() {
            let mut record: Vec<String> =
                folds.then(|| i32::to_string(&fold)).into_iter().collect();
            record.extend(values.iter().map(|value| match value.as_str() {
                Some(text) => text.to_owned(),
                None => value.to_string(),
            }));
            record.push(figure.map_or(String::new(), |figure| figure.to_string()));
            record.push((index == fit.chosen).to_string());
            record.push((!fit.unconverged.contains(&index)).to_string());
            file.write_record(&record)?;
        }
    }
    file.into_inner().map_err(|error| error.into_error().into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_candidate_has_a_line_for_every_fit() {
        let fit = |chosen: usize, figures: &[Option<f64>]| Chosen {
            chosen,
            judged_on: 40,
            figures: figures.to_vec(),
            unconverged: vec![1],
        };
        let mut selection = Selection {
            on: SelectedOn::Holdout(0.1),
            by: "accuracy".to_owned(),
            parameters: vec!["head.l2".to_owned(), "head.scale".to_owned()],
            candidates: vec![
                vec![json!(0.1), json!("max")],
                vec![json!(1.0), json!("a,b")],
            ],
            fits: vec![fit(1, &[Some(0.5), Some(0.75)])],
        };
        let text = |selection: &Selection| String::from_utf8(table(selection).unwrap()).unwrap();
        assert_eq!(
            text(&selection),
            "head.l2,head.scale,accuracy,chosen,converged\n\
             0.1,max,0.5,false,true\n1.0,\"a,b\",0.75,true,false\n"
        );
        selection.fits.push(fit(0, &[Some(0.25), None]));
        assert_eq!(
            text(&selection),
            "fold,head.l2,head.scale,accuracy,chosen,converged\n\
             1,0.1,max,0.5,false,true\n1,1.0,\"a,b\",0.75,true,false\n\
             2,0.1,max,0.25,true,true\n2,1.0,\"a,b\",,false,false\n"
        );
    }
}
