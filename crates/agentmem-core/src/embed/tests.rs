use serde_json::from_value;

use super::*;
use crate::vectors::vectors;

#[test]
fn embeddings_agree_with_the_vectors() {
    for vector in vectors("embeddings.json") {
        let text = vector["input"].as_str().unwrap();
        let tokens: Vec<u32> = from_value(vector["output"]["tokens"].clone()).unwrap();
        let embedding: Vec<i8> = from_value(vector["output"]["vector"].clone()).unwrap();
        assert_eq!(token_ids(text), tokens, "{}", vector["why"]);
        assert_eq!(embed(text).to_vec(), embedding, "{}", vector["why"]);
    }
}

#[test]
fn token_coverage_agrees_with_the_vectors_to_the_last_bit() {
    for vector in vectors("max-sim.json") {
        let tokens =
            |side: &str| distinct_tokens(&token_ids(vector["input"][side].as_str().unwrap()));
        let expected = |side: &str| from_value::<Vec<u16>>(vector["output"][side].clone()).unwrap();
        let (query, document) = (tokens("query"), tokens("document"));
        assert_eq!(query, expected("query"), "{}", vector["why"]);
        assert_eq!(document, expected("document"), "{}", vector["why"]);
        let coverage = vector["output"]["maxSim"].as_f64().unwrap();
        assert_eq!(
            Coverage::new(&query).of(document.iter().copied()).to_bits(),
            coverage.to_bits(),
            "{}",
            vector["why"]
        );
    }
}

#[test]
fn quantising_agrees_with_the_vectors() {
    for vector in vectors("quantise.json") {
        let sums: Vec<f64> = from_value(vector["input"].clone()).unwrap();
        let expected: Vec<i8> = from_value(vector["output"].clone()).unwrap();
        assert_eq!(quantise(&sums), expected, "{}", vector["why"]);
    }
}

#[test]
fn a_cosine_is_one_root_of_an_exact_product() {
    let (a, b) = ([3, 4, 0], [4, 3, 0]); // with 24 as their product
    assert_eq!(cosine(24, square_norm(&a), square_norm(&b)), 24.0 / 25.0);
    assert_eq!(cosine(0, 0, 25), 0.0);
    let extreme = [-128; 4096];
    assert_eq!(square_norm(&extreme), 67_108_864);
}

#[test]
fn a_text_of_any_length_points_where_its_tokens_do() {
    let row: Vec<f64> = token_row(7592).iter().map(|&it| f64::from(it)).collect();
    for count in [1, 255, 256, 257, 1000] {
        assert_eq!(embed_tokens(&vec![7592; count]), quantise(&row), "{count}");
    }
}

#[test]
fn a_row_has_the_length_that_its_components_give() {
    let squares: i32 = token_row(7592)
        .iter()
        .map(|&component| i32::from(component).pow(2))
        .sum();
    assert_eq!(row_norm(7592), f64::from(squares).sqrt());
    assert_eq!(row_norm(0), 0.0, "the padding token means nothing");
}

#[test]
fn floats_are_quantised_as_the_vectors_say() {
    for vector in vectors("quantise-floats.json") {
        let components: Vec<f32> = from_value(vector["input"].clone()).unwrap();
        let expected: Vec<i8> = from_value(vector["output"].clone()).unwrap();
        assert_eq!(quantise_floats(&components), expected, "{}", vector["why"]);
        let greatest = components
            .iter()
            .fold(0.0, |most: f32, it| most.max(it.abs()));
        let narrow = embedder::scaled_by_any(&components, greatest);
        assert_eq!(narrow, expected, "{}, without AVX2", vector["why"]);
    }
}

#[test]
fn the_id_of_the_table_is_that_of_these_bytes() {
    use sha2::{Digest, Sha256};
    let hash = Sha256::digest(include_bytes!("../../data/table_128.i8"));
    let begin: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    // Who changes the table gives it an id of its own: stores remember by it which one their vectors are of.
    assert_eq!(
        (TABLE_ID, begin.as_str()),
        ("agentmem-static-128-v2", "d3acb7b3e0e1eea4")
    );
}
