//! Which samples belong together, as files say it.

use crate::npy::Content;
use topwork_sdk::Error;

/// The groups in an array, one for each of the `count` samples of `samples`: words or integers.
pub fn from_array(
    name: &str,
    content: Content,
    count: usize,
    samples: &str,
) -> Result<Vec<String>, Error> {
    let (shape, groups) = match content {
        Content::Words(shape, words) => (shape, Ok(words)),
        Content::Numbers(array) => {
            let group = |sample| match array.integer(sample) {
                Some(integer) => Ok(integer.to_string()),
                None => Err((sample, array.number(sample).to_string())),
            };
            (array.shape.clone(), (0..array.len()).map(group).collect())
        }
    };
    let len: usize = shape.iter().product();
    // Some write a column as a table of one column, or a row.
    if len != count || shape.iter().filter(|&&size| size != 1).count() > 1 {
        return Err(Error::data(format!(
            "{name} has the shape {shape:?}, expected {count} groups, one for each sample of {samples}"
        )));
    }
    let groups = groups.map_err(|(sample, number)| {
        Error::data(format!(
            "{name}: group {number} of sample {sample}, expected an integer or a word"
        ))
    })?;
    checked(groups, |sample| {
        format!("{name}: the group of sample {sample}")
    })
}

/// The groups without blanks around them; each must be there. `place` says for people whose it is.
pub fn checked(groups: Vec<String>, place: impl Fn(usize) -> String) -> Result<Vec<String>, Error> {
    let groups = groups.iter().map(|group| group.trim().to_owned());
    let groups: Vec<String> = groups.collect();
    match groups.iter().position(String::is_empty) {
        None => Ok(groups),
        Some(sample) => Err(Error::data(format!("{} is empty", place(sample))).with_hint(
            "a sample that belongs to no other is a group of its own: give it a value that no other has",
        )),
    }
}
