"""What a patient may ask for: consent and its withdrawal, everything that is held, its erasure, and its end in time."""
