"""Images that a classifier cannot know: scores that tell them, pictures to test the scores."""
