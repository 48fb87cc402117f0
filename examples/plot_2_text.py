"""
Can it replace scikit-learn's NMF in my program?
================================================

One import changes. Here is a program that finds topics in text: TF-IDF of the words as a sparse
matrix, a factorization, the words of each topic.
"""

# %%
# The texts
# ---------

TEXTS = [
    "Boil the potatoes in salted water, then fry them in butter with onions.",
    "Knead flour, water, yeast and salt into a dough and let the bread rise in a warm oven.",
    "Fry the onions in butter, add tomatoes and salt, and serve it with fresh bread.",
    "Whisk eggs, flour and milk into a batter and fry thin pancakes in butter.",
    "A soup of potatoes and onions needs salt, pepper and a little butter.",
    "Bake the tomatoes in the oven with oil, salt and pepper until they are soft.",
    "Salt the dough, cover it, and bake the bread in a hot oven.",
    "The orchestra played the symphony, and the violin had the first melody.",
    "A piano accompanies the violin in this sonata, and both share the melody.",
    "The choir sang a melody that the orchestra repeated in another key.",
    "She tuned her violin, and the pianist struck the key that the orchestra takes as its pitch.",
    "The concert began with a sonata for piano and ended with a symphony.",
    "The choir and the orchestra rehearse the symphony before the concert.",
    "His sonata for violin and piano was played in the first concert of the year.",
    "The telescope shows the moons of the planet and the shadow of its rings.",
    "A comet crosses the orbit of the planet and comes close to the sun.",
    "Stars in the galaxy circle its center as the planets circle the sun.",
    "The light of that star left the galaxy before there was a planet to orbit the sun.",
    "With a small telescope you can see the galaxy and the brightest moons.",
    "The moons of the planet have an orbit of a few days around it.",
]

# %%
# The program
# -----------
# It was written for scikit-learn; the import is all that changed. Nothing is made dense, and the
# Kullback-Leibler divergence touches only the words that occur.

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

from skbss import BetaNMF as NMF

topics = make_pipeline(
    TfidfVectorizer(stop_words="english"),
    NMF(n_components=3, beta_loss="kullback-leibler", solver="mu", max_iter=1000, random_state=0),
)
W = topics.fit_transform(TEXTS)

# %%
# The topics
# ----------

import matplotlib.pyplot as plt

words = topics[0].get_feature_names_out()
figure, axes = plt.subplots(1, 3, figsize=(9, 3.6), layout="constrained")
for axis, name, topic in zip(
    axes, topics.get_feature_names_out(), topics[-1].components_, strict=True
):
    top = topic.argsort()[-8:]
    axis.barh(words[top], topic[top])
    axis.set(title=name, xticks=[])
figure.suptitle("What each topic is about")
plt.show()

# %%
# Every text has its topic, and new texts find theirs:

figure, axis = plt.subplots(figsize=(9, 2.4), layout="constrained")
image = axis.imshow((W / W.sum(axis=1, keepdims=True)).T, cmap="magma", aspect="auto")
axis.set(xlabel="text", yticks=range(3), yticklabels=topics.get_feature_names_out())
figure.colorbar(image, label="share")
plt.show()

new = topics.transform(
    ["Add milk to the dough.", "A sonata for two pianos.", "The rings of a planet."]
)
print((new / new.sum(axis=1, keepdims=True)).round(2))

# %%
# Is it the same factorization?
# -----------------------------
# From the same start, "mu" goes through the same iterates:

import numpy as np
from sklearn import decomposition

X = topics[0].transform(TEXTS)
rng = np.random.default_rng(0)
start = dict(W=rng.random((X.shape[0], 3)), H=rng.random((3, X.shape[1])))
same = dict(init="custom", solver="mu", beta_loss="kullback-leibler", max_iter=50, tol=0)
ours = NMF(3, **same).fit(X, **start)
theirs = decomposition.NMF(3, **same).fit(X, W=start["W"].copy(), H=start["H"].copy())
print(f"largest difference: {np.abs(ours.components_ - theirs.components_).max():.0e}")
