//! The platform and what it is built from, as one shared library: the feature `dynamic` of `platform` says who uses it.

use platform_application as _;
