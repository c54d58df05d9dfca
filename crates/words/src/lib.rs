//! What museau says, in French and English: breeds and messages. Data files, no logic.
