mod deviations;
mod documents;
