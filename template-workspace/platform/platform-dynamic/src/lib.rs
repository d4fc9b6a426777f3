//! The platform and all that it depends on, as one shared library: `platform-linked` says who uses it, and why.

use platform as _;
