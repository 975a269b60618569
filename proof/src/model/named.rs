//! Kinds of things that each are a property of the model, under their own name.

/// An enum, all of its variants, and a property for each: `always` or `sometimes`, as one method of
/// the model says. (The checker takes plain functions, one for each property.)
macro_rules! named {
    ($expectation:ident $method:ident; $(#[$meta:meta])* $vis:vis enum $name:ident {
        $($(#[$doc:meta])* $variant:ident,)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        $vis enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            pub(super) const ALL: &[Self] = &[$(Self::$variant),*];

            /// As the checker knows it.
            pub(super) fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)* }
            }

            pub(super) fn properties() -> Vec<stateright::Property<super::checker::Checked>> {
                vec![$(stateright::Property::$expectation(
                    stringify!($variant),
                    |checked: &super::checker::Checked, world| checked.$method(world, Self::$variant),
                )),*]
            }
        }
    };
}

pub(super) use named;
