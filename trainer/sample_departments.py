"""What the fictional corner store sells: departments, brands, titles, price ranges and tastes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Department:
    """One category of the sample store.

    A title is one of ``kinds`` filled into one of ``forms``, so every combination must read well.

    Attributes:
        category: name of the category, and of its folder of pictures.
        staple: whether shoppers come back for some of these items week after week.
        prices: lowest and highest usual price, in pounds.
        brands: brands that make these items.
        kinds: the first half of a title: flavours, glazes, colours.
        forms: the second half; ``{}`` stands for the kind.
    """

    category: str
    staple: bool
    prices: tuple[float, float]
    brands: tuple[str, ...]
    kinds: tuple[str, ...]
    forms: tuple[str, ...]


@dataclass(frozen=True)
class Taste:
    """What one group of shoppers favours: these brands within these categories.

    Attributes:
        group: name of the group.
        categories: the categories it favours.
        brands: the brands it favours there.
    """

    group: str
    categories: tuple[str, ...]
    brands: tuple[str, ...]


DEPARTMENTS = (
    Department(
        "Bottle",
        True,
        (1.2, 6.5),
        ("Tollgate", "Merrow", "Brambleside", "Oatacre"),
        (
            "Cloudy Apple",
            "Elderflower",
            "Blood Orange",
            "Rhubarb & Ginger",
            "Sour Cherry",
            "Pink Grapefruit",
            "Blackcurrant",
            "Pear & Sage",
            "Sicilian Lemon",
            "Raspberry & Mint",
        ),
        (
            "{} Pressé, 750 ml",
            "{} Juice, 1 litre",
            "Sparkling {}, 330 ml",
            "{} Cordial, 500 ml",
            "{} Kombucha, 500 ml",
        ),
    ),
    Department(
        "Bread",
        True,
        (1.4, 5.2),
        ("Hazelbeck", "Tollgate", "Merrow", "Oatacre"),
        (
            "Country Sourdough",
            "Seeded Rye",
            "Honey & Oat",
            "Malted Wheat",
            "Rosemary & Sea Salt",
            "Walnut & Fig",
            "Stoneground Spelt",
            "Buttermilk",
            "Potato & Chive",
            "Toasted Sesame",
        ),
        ("{} Loaf, 800 g", "{} Bloomer", "{} Baguette", "Small {} Tin Loaf", "{} Rolls, pack of 4"),
    ),
    Department(
        "Candle",
        False,
        (4.5, 24.0),
        ("Pennyfold", "Saltmarsh", "Fernhollow", "Quill & Otter"),
        (
            "Sea Fog",
            "Beeswax & Honey",
            "Woodsmoke",
            "Fig Leaf",
            "Sunday Linen",
            "Winter Clementine",
            "Old Library",
            "Lavender Hill",
            "Cedar & Moss",
            "Rain on Slate",
        ),
        (
            "{} Pillar Candle",
            "{} Candle in a Jar",
            "{} Dinner Candles, pair",
            "{} Travel Candle",
            "{} Long-burning Candle",
        ),
    ),
    Department(
        "Cheese",
        True,
        (2.2, 9.0),
        ("Merrow", "Hazelbeck", "Tollgate", "Brambleside"),
        (
            "Mature Cheddar",
            "Alpine Holey",
            "Smoked Farmhouse",
            "Red Leicester",
            "Nettle-wrapped",
            "Cave-aged Gouda",
            "Blue-veined",
            "Caraway",
            "Creamy Goat's",
            "Truffled Tomme",
        ),
        (
            "{} Cheese, 200 g",
            "{} Cheese, quarter wheel",
            "{} Cheese, sliced",
            "{} Cheese, picnic wedge",
            "{} Cheese, 450 g",
        ),
    ),
    Department(
        "Fruit",
        True,
        (0.6, 4.8),
        ("Brambleside", "Fernhollow", "Oatacre", "Merrow"),
        (
            "Russet Apples",
            "Conference Pears",
            "Navel Oranges",
            "Amalfi Lemons",
            "Discovery Apples",
            "Clementines",
            "Comice Pears",
            "Bramley Apples",
            "Victoria Plums",
            "Cox Apples",
        ),
        (
            "{}, bag of 6",
            "{}, loose, 500 g",
            "Organic {}, 1 kg",
            "Windfall {}, 1 kg",
            "{}, lunchbox size",
        ),
    ),
    Department(
        "Jam",
        True,
        (2.1, 6.4),
        ("Hazelbeck", "Brambleside", "Oatacre", "Tollgate"),
        (
            "Strawberry",
            "Damson",
            "Gooseberry & Elderflower",
            "Apricot & Almond",
            "Blackberry & Bay",
            "Seville Orange",
            "Raspberry",
            "Rhubarb & Vanilla",
            "Greengage",
            "Fig & Cardamom",
        ),
        (
            "{} Jam, 340 g",
            "Grandmother's {} Jam",
            "Half-sugar {} Jam",
            "Tiny Jar of {} Jam",
            "Whole-fruit {} Conserve",
        ),
    ),
    Department(
        "Mug",
        False,
        (5.5, 19.0),
        ("Pennyfold", "Quill & Otter", "Saltmarsh", "Greywether"),
        (
            "Speckled Oat",
            "Harbour Blue",
            "Polka-dot",
            "Striped Fisherman's",
            "Moss Green",
            "Midnight Glaze",
            "Terracotta",
            "Red Heart",
            "Butter Yellow",
            "Cornish Cream",
        ),
        (
            "{} Mug",
            "Big {} Tea Mug",
            "{} Espresso Cup",
            "Hand-thrown {} Mug",
            "{} Enamel Camping Mug",
        ),
    ),
    Department(
        "Notebook",
        False,
        (2.8, 16.0),
        ("Pennyfold", "Quill & Otter", "Greywether", "Fernhollow"),
        (
            "Marbled",
            "Forest Green",
            "Sky Map",
            "Red Cloth",
            "Birdwatcher's",
            "Graph-paper",
            "Tide-table",
            "Recycled Kraft",
            "Botanical",
            "Star Atlas",
        ),
        (
            "{} Notebook, A5",
            "{} Spiral Notebook",
            "{} Pocket Notebook",
            "{} Diary, week to view",
            "{} Sketchbook, A4",
        ),
    ),
    Department(
        "Plant",
        False,
        (3.5, 28.0),
        ("Fernhollow", "Saltmarsh", "Pennyfold", "Greywether"),
        (
            "Bunny-ear Cactus",
            "Basil",
            "Snake Plant",
            "Aloe",
            "Boston Fern",
            "Rosemary",
            "Rubber Plant",
            "String-of-hearts",
            "Peace Lily",
            "Jade Tree",
        ),
        (
            "{} in a Clay Pot",
            "Little {}",
            "{} in a Glazed Pot",
            "Windowsill {}",
            "{}, grown tall",
        ),
    ),
    Department(
        "Umbrella",
        False,
        (7.5, 34.0),
        ("Greywether", "Quill & Otter", "Pennyfold", "Saltmarsh"),
        (
            "Lighthouse Stripe",
            "Mustard Yellow",
            "Tartan",
            "Navy",
            "Cherry Red",
            "Cloud Grey",
            "Meadow Green",
            "Polka-dot",
            "Lilac",
            "Storm Petrel",
        ),
        (
            "{} Umbrella",
            "{} Folding Umbrella",
            "{} Walking Umbrella, wooden handle",
            "{} Child's Umbrella",
            "Windproof {} Umbrella",
        ),
    ),
)

CATEGORIES = tuple(department.category for department in DEPARTMENTS)
"""Names of the categories, in alphabetical order."""

TASTES = (
    Taste("breakfast", ("Bread", "Jam", "Fruit"), ("Hazelbeck", "Brambleside")),
    Taste("cheeseboard", ("Cheese", "Bottle", "Bread"), ("Merrow", "Tollgate")),
    Taste("desk", ("Notebook", "Mug", "Umbrella"), ("Quill & Otter", "Pennyfold")),
    Taste("cosy", ("Candle", "Mug", "Jam"), ("Saltmarsh", "Oatacre")),
    Taste("garden", ("Plant", "Fruit", "Candle"), ("Fernhollow", "Oatacre")),
    Taste("rainy day", ("Umbrella", "Notebook", "Bottle"), ("Greywether", "Brambleside")),
)

PAIRED_CATEGORIES = (
    ("Bread", "Jam"),
    ("Cheese", "Bottle"),
    ("Mug", "Notebook"),
    ("Candle", "Plant"),
    # Nothing but the till says that these two go together, as with beer and nappies.
    ("Fruit", "Umbrella"),
)
"""The categories a pair bought together comes from; every category appears exactly once."""
