//! The dependencies of `api-build`, as one shared library that the build scripts of all contracts use. Linked into each of
//! them, they take 25 MB a contract.

use heck as _;
use prost as _;
use prost_build as _;
use prost_reflect as _;
use prost_types as _;
use protox as _;
use regex as _;
use serde_json as _;
use tonic_prost_build as _;
