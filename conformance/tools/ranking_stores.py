"""The stores and questions of vectors/ranking.json."""

# ruff: noqa: RUF001 (characters that are mistaken for others are what some stores are about)

from __future__ import annotations


def facts(*contents: str, **fields: object) -> list[dict[str, object]]:
    return [
        {"id": f"f{i}", "content": content, **fields}
        for i, content in enumerate(contents)
    ]


def talk(*lines: tuple[str, str], **fields: object) -> list[dict[str, object]]:
    """Turns of two speakers, a minute apart."""
    return [
        {
            "id": f"t{i}",
            "content": content,
            "role": "user",
            "name": name,
            "createdAt": f"2023-05-08T13:{i:02d}:00.000Z",
            **fields,
        }
        for i, (name, content) in enumerate(lines)
    ]


PETS = facts(
    "Ada has two cats, Byron and Shelley",
    "Bob's dog is called Rex",
    "the cats sleep all day",
    "quarterly reports are due in April",
    "a kitten was found in the garden",
)

CHAT = talk(
    ("Ada", "Have you ever flown in a zeppelin?"),
    ("Bob", "No, never. I'm afraid of heights."),
    ("Ada", "I went to Kyoto last spring, the gardens were lovely."),
    ("Bob", "Did you drink a lot of green tea there?"),
    ("Ada", "Every day! I brought some back."),
)

# Turns of the days before the clock of a case, Thursday 1 January 2026.
DIARY = [
    {
        "id": f"d{i}",
        "content": content,
        "role": "user",
        "name": "Ada",
        "runId": f"r{i}",
        "createdAt": f"{day}T18:00:00.000Z",
    }
    for i, (day, content) in enumerate(
        (
            ("2026-01-01", "Soup again, the last of the pot."),
            ("2025-12-31", "I cooked lentil soup and danced until twelve."),
            ("2025-12-30", "I cooked rice with peas."),
            ("2025-12-28", "We baked bread with my sister."),
            ("2025-12-25", "I cooked a goose, it took all day."),
            ("2025-12-22", "I cooked noodles after work."),
            ("2025-12-16", "I cooked beans, and burnt them."),
            ("2025-11-11", "We cooked dumplings, two weeks ago they were better."),
            ("2025-10-05", "I cooked pumpkin last Friday, and today as well."),
            ("2025-05-08", "I cooked asparagus."),
            ("2024-06-30", "I cooked on a fire by the lake."),
        )
    )
]

TRIP = talk(
    ("Carla Ruiz", "The ferry leaves at six."),
    ("Dan", "Who has the tickets?"),
    ("Carla Ruiz", "I bought them at the harbour office yesterday."),
    ("Dan", "Lovely. Is the hotel far from the pier？"),
    ("Carla Ruiz", "Ten minutes on foot, they say, uphill."),
    ("Dan", "Then I will carry less."),
    ("Carla Ruiz", "Breakfast is from seven, and it is included."),
    ("Dan", "What about the way back؟"),
    ("Carla Ruiz", "The last ferry is at nine; the ticket office closes at eight."),
    ("Dan", "Good to know, Carla."),
)

NOTES = facts(
    "Die Bücher meiner Schwestern liegen im Haus, nicht auf den Tischen",
    "Los niños compran lápices rojos en las ciudades",
    "Les chevaux de l’école sont heureux avec une bonne chanteuse",
    "Моя сестра купила красную машину в Москве",
    "اشترى أخي الكتاب الجديد من السوق والسيارات",
    "मेरी बहनें किताबें पढ़ती हैं",
    "Bob read a book on horses to the children in the café",
)

# Documents: their mean number of words lies far above 32, with and without one.
PAPERS = facts(
    "Honey bees return to the hive after long flights in search of nectar. They steer by the sun, by the pattern of polarised "
    "light in the sky and by landmarks that they learned on their first flights. Experiments with displaced bees show that the "
    "distance flown is measured by the flow of images past the eye, and that a bee which meets a head wind does not overshoot.",
    "The waggle dance tells other bees of the hive where nectar was found. Its angle to the vertical gives the direction relative to "
    "the sun, and its duration the distance. Bees that follow a dance leave the hive and search near the place that it names; "
    "recordings by radar show straight flights that end in wide loops around the source.",
    "Desert ants walk back to the nest in a straight line after a winding search for food. They add up each step and each turn, a "
    "method that sailors know as dead reckoning, and take their compass from polarised light. Ants on stilts overshoot the nest, "
    "which shows that steps are counted; ants with shortened legs stop too early.",
    "Corals grow by laying down a skeleton of aragonite. Growth slows in cold water and in water that is too acid, and stops where "
    "summers are so warm that the coral loses the algae that feed it. Cores drilled from old colonies show bright and dark bands, "
    "a pair for each year, from which the temperature of the sea can be read centuries back.",
    "Window glass is made by floating the melt on a bath of tin. The upper face is polished by fire and the lower by the metal, so that "
    "neither needs grinding. The speed at which the ribbon is drawn decides its thickness; cooling it slowly in a long oven keeps "
    "stresses small enough that the sheet can be cut.",
    "Early lenses were ground from lumps of clear glass, and their makers kept the recipes secret. Achromatic pairs of two kinds of "
    "glass, crown and flint, bring two colours to one focus. A lens of ice has been used to light a fire in the cold, which is more "
    "a curiosity than an instrument.",
    "Migrating birds keep their way over open sea at night. Young birds on their first journey follow an inherited direction, while old ones "
    "correct for wind and displacement. A magnetic sense, the stars and polarised light at dusk have each been shown to matter, and "
    "which of them leads seems to change with the weather.",
)

# Facts whose words and dates give many different values: more than any cut of ranking keeps.
SUBJECTS = ("tea", "coffee", "gardens", "violins", "trains", "cats", "reports")
VERBS = ("likes", "sells", "paints", "studies", "forgets")
MANY = [
    {
        "id": f"m{(i * 61) % 241:03d}",
        "content": f"{'very ' * (i % 4)}number {i} {VERBS[i % 5]} {SUBJECTS[i % 7]}"
        + (" and green tea" if i % 3 == 0 else ""),
        "createdAt": f"2024-{i % 12 + 1:02d}-{i % 28 + 1:02d}T00:00:00.000Z",
    }
    for i in range(241)
]

WEEK = {"weight": 0.5, "halfLife": 604_800}
# Facts of different age and importance; one of them is of the future, one of long ago.
AGED = [
    {"id": f"g{i}", "content": content, "importance": importance, "createdAt": created}
    for i, (content, importance, created) in enumerate(
        [
            ("Ada likes green tea", 0.5, "2025-12-24T18:30:00.001Z"),
            ("Ada used to like coffee", 0.9, "2019-06-01T08:00:00.000Z"),
            ("nobody here likes tea", 0.0, "2025-12-31T23:59:59.250Z"),
            ("the tea shop opens at nine", 1.0, "2025-11-02T12:00:00.000Z"),
            ("Bob asked whether Ada likes tea", 0.3, "2026-03-05T10:00:00.000Z"),
            ("coffee and tea for the meeting", 0.123456789, "1970-01-01T00:00:00.000Z"),
        ]
    )
]


def ask(query: str, **options: object) -> dict[str, object]:
    return {"query": query, **options}


def all_modes(query: str, **options: object) -> list[dict[str, object]]:
    return [
        ask(query, **options),
        *(ask(query, mode=m, **options) for m in ("lexical", "semantic")),
    ]


STORES: list[dict[str, object]] = [
    {
        "name": "one record, one word",
        "why": "N, df and the lengths are all 1: the least that BM25 can be.",
        "items": facts("tea"),
        "searches": [*all_modes("tea"), *all_modes("coffee")],
    },
    {
        "name": "facts, each mode",
        "why": "A few facts, questions with and without common words.",
        "items": PETS,
        "searches": [
            *all_modes("what are Ada's cats called?"),
            *all_modes("kittens"),
            ask("Rex"),
        ],
    },
    {
        "name": "words that no record has count in U",
        "why": "A foreign word makes an answer less certain, and must lower its score.",
        "items": PETS,
        "searches": [*all_modes("cats zyzzogeton"), *all_modes("zyzzogeton")],
    },
    {
        "name": "a word asked twice counts once, in order of first appearance",
        "why": "The order of a sum decides its last bit.",
        "items": PETS,
        "searches": [
            *all_modes("cats cats Ada cats Byron Ada"),
            ask("Byron Ada cats", mode="lexical"),
        ],
    },
    {
        "name": "a conversation: neighbours, names and dates",
        "why": "In eighths: own words and the date 8, those of the turns around 4, 2 and 1.",
        "items": CHAT,
        "searches": [
            *all_modes("zeppelin"),
            *all_modes("what did Ada drink in May 2023?"),
            *all_modes("8 May"),
            *all_modes("Bob"),
        ],
    },
    {
        "name": "a turn deleted from a conversation",
        "why": "The turns around it move together; N and the lengths are of what lives.",
        "items": CHAT,
        "deleted": ["t1", "t3"],
        "searches": [*all_modes("afraid of heights"), *all_modes("zeppelin gardens")],
    },
    {
        "name": "turns given out of order",
        "why": "What counts is when it happened, not when it was written.",
        "items": [CHAT[3], CHAT[0], CHAT[4], CHAT[2], CHAT[1]],
        "searches": [*all_modes("zeppelin"), *all_modes("Kyoto tea")],
    },
    {
        "name": "turns and facts together, of several runs",
        "why": "A fact has no neighbours; runs are conversations of their own.",
        "items": [
            *talk(("Ada", "I love jazz"), ("Bob", "me too"), runId="a"),
            {"id": "r2", "content": "me neither", "role": "user", "runId": "b"},
            *facts("Ada loves jazz records", "jazz was born in New Orleans"),
        ],
        "searches": [
            *all_modes("who loves jazz?"),
            ask("jazz", runId="a"),
            ask("jazz", runId=None),
        ],
    },
    {
        "name": "a user's statistics, and the whole store's",
        "why": "df, N and the lengths are of the user who is given; agents only select.",
        "items": [
            {
                "id": "a1",
                "content": "green tea in the morning",
                "userId": "ada",
                "agentId": "x",
            },
            {"id": "a2", "content": "black coffee at night", "userId": "ada"},
            {
                "id": "a3",
                "content": "tea again, and cake",
                "userId": "ada",
                "agentId": "y",
            },
            {"id": "b1", "content": "tea tea tea", "userId": "bob"},
            {"id": "n1", "content": "nobody's tea"},
        ],
        "searches": [
            *all_modes("morning tea", userId="ada"),
            *all_modes("morning tea"),
            *all_modes("morning tea", userId=None),
            *all_modes("morning tea", userId="ada", agentId="y"),
            ask("morning tea", agentId="x"),
        ],
    },
    {
        "name": "equal records, told apart by time and id",
        "why": "Real ties, and the order that breaks them.",
        "items": [
            {
                "id": i,
                "content": "green tea",
                "createdAt": f"2025-01-0{day}T00:00:00.000Z",
            }
            for i, day in (("b", 1), ("😀", 1), ("～", 1), ("B", 1), ("z", 2), ("a", 1))
        ],
        "searches": [*all_modes("green tea"), ask("green tea", limit=3)],
    },
    {
        "name": "CJK, alone and beside Latin words",
        "why": "Characters and pairs as terms; few of them are in the vocabulary.",
        "items": facts(
            "私は京都に住んでいます",
            "東京で働いている",
            "我喜欢绿茶和爵士乐",
            "서울에서 violin을 배워요",
            "Kyoto (京都) is lovely in April",
        ),
        "searches": [
            *all_modes("京都"),
            *all_modes("绿茶 tea"),
            *all_modes("서울 violin"),
            ask("京"),
        ],
    },
    {
        "name": "accents, width, ligatures and apostrophes",
        "why": "Both analyses fold them, each in its own way.",
        "items": facts(
            "crème brûlée at the Café Zoë",
            "ＧＲＥＥＮ ＴＥＡ №5",
            "ﬁnally, Byron’s don't-touch shelf",
            "naïve résumé: 3½ pages",
        ),
        "searches": [
            *all_modes("creme brulee cafe"),
            *all_modes("green tea"),
            *all_modes("byrons shelf, finally"),
            *all_modes("résumé"),
        ],
    },
    {
        "name": "a query of stop words, one of punctuation",
        "why": "No terms, but tokens: U is 0, and meaning alone decides.",
        "items": PETS,
        "searches": [*all_modes("who is it?"), *all_modes("?!")],
    },
    {
        "name": "a query without tokens",
        "why": "Words that cannot be cut give no vector: there is no second stage.",
        "items": facts("Привет ปลา", "ปลา 京都大阪", "tea"),
        "searches": [*all_modes("대阪"), *all_modes("ปลา")],
    },
    {
        "name": "long and short records",
        "why": "Length norms, and rows that add up far beyond a byte.",
        "items": facts(
            "tea",
            "tea " * 300,
            "a very long story about a garden, a train and some tea " * 20,
            "tea and a story",
        ),
        "searches": [*all_modes("tea"), *all_modes("a story about trains")],
    },
    {
        "name": "times from now",
        "why": "A phrase finds turns by their date: terms alone change, and what no record knows of stays as it was said.",
        "items": [
            *DIARY,
            *facts("Ada cooks on 31 days of a month", "yesterday's soup"),
        ],
        "searches": [
            *all_modes("what did Ada cook yesterday?", explain=True),
            *(
                ask(f"what did Ada cook {when}?", explain=True, limit=4)
                for when in (
                    "today",
                    "TONIGHT",
                    "this  morning",
                    "last night",
                    "the day before yesterday",
                    "two days ago",
                    "4 days  ago",
                    "last Wednesday",
                    "last thursday",
                    "last weekend",
                    "this week",
                    "last week",
                    "a week ago",
                    "a couple of weeks ago",
                    "in the past week",
                    "in the last three days",
                    "in the last ten days ago",
                    "this month",
                    "last month",
                    "three months ago",
                    "last May",
                    "last january",
                    "this year",
                    "last year",
                    "2 years ago",
                    "twelve years ago",
                    "0 days ago",
                    "yesterday’s",
                    "éyesterday",
                    "on yesterdays",
                    "in the last week of December",
                    "last Tuesday and last week, or 3 months ago",
                )
            ),
            ask("yesterday", mode="lexical"),
            ask("yestreday", mode="lexical"),
        ],
    },
    {
        "name": "a conversation longer than the reach of context",
        "why": "What is said three places away counts, four places away not; the speaker that a query names gains, who asks loses.",
        "items": TRIP,
        "searches": [
            *all_modes("ferry"),
            *all_modes("what did Carla Ruiz say about the hotel?"),
            *all_modes("Ruiz"),
            *all_modes("Who took the tickets, Dan or Carla?"),
            *all_modes("when is breakfast?", limit=4),
        ],
    },
    {
        "name": "the same conversation without some turns, in two runs",
        "why": "Neighbours are those of the run that live.",
        "items": [
            {**turn, "runId": "a" if i % 3 else "b"} for i, turn in enumerate(TRIP)
        ],
        "deleted": ["t2", "t7"],
        "searches": [*all_modes("ferry"), *all_modes("ticket office", runId="a")],
    },
    {
        "name": "long documents",
        "why": "Where records are long, length counts more, and what is like the best rises.",
        "items": PAPERS,
        "searches": [
            *all_modes("how do bees find their way home?"),
            *all_modes("does cold water slow the growth of coral?"),
            *all_modes("glass"),
            ask("nectar", limit=2),
        ],
    },
    {
        "name": "documents and talk together",
        "why": "Between short and long: the mean number of words decides how much feedback counts.",
        "items": [*PAPERS[:4], *TRIP[:3]],
        "searches": [
            *all_modes("how do bees find their way home?"),
            *all_modes("ferry to the island of bees"),
        ],
    },
    {
        "name": "a long query",
        "why": "The second stage looks at its first 64 distinct tokens only.",
        "items": PETS,
        "searches": all_modes(
            "one two three four five six seven eight nine ten eleven twelve red green blue white "
            "black brown house tree river lake sea ship car train plane road bridge wall door "
            "window table chair bed lamp book pen paper stone wood iron gold silver water fire "
            "earth air sun moon star rain snow wind cloud storm bread milk cheese apple pear "
            "grape cats dog garden Ada reports"
        ),
    },
    {
        "name": "more records than the cuts keep",
        "why": "Of 241 records, 200 are candidates by each value, and 40 reach the second stage.",
        "items": MANY,
        "searches": [
            ask("who likes green tea?", limit=50),
            ask("very green trains", limit=45, mode="lexical"),
            ask("violins", limit=45, mode="semantic"),
            ask("number 7", limit=3),
            ask("number", limit=230),
        ],
    },
    {
        "name": "recency and importance beside the score",
        "why": "Powers of two and weighted sums: each must be taken in the stated order.",
        "items": AGED,
        "searches": [
            *all_modes("who likes green tea?", recency=WEEK),
            *all_modes("who likes green tea?", importanceWeight=0.7),
            *all_modes(
                "tea", recency={"weight": 3.3, "halfLife": 1.5}, importanceWeight=0.1
            ),
            *all_modes(
                "tea", recency={"weight": 0, "halfLife": 60}, importanceWeight=100
            ),
            ask("coffee", recency={"weight": 100, "halfLife": 31556952.25}, limit=2),
            ask("coffee", recency={"weight": 1, "halfLife": 1e-300}),
        ],
    },
    {
        "name": "recency among more records than the cuts keep",
        "why": "It weighs all candidates, not the first few of an answer; and only the candidates.",
        "items": MANY,
        "searches": [
            ask(
                "who likes green tea?", limit=5, recency={"weight": 5, "halfLife": 1e6}
            ),
            ask("very green trains", limit=5, mode="lexical", recency=WEEK),
            ask(
                "violins",
                limit=7,
                mode="semantic",
                recency={"weight": 2, "halfLife": 1e7},
            ),
        ],
    },
    {
        "name": "why turns are found",
        "why": "Own words and those around, the speaker, the question, meaning and coverage; and what a mode does not know.",
        "items": TRIP,
        "searches": [
            *all_modes(
                "what did Carla Ruiz say about the hotel?", limit=3, explain=True
            ),
            *all_modes("ferry tickets, tickets and a zeppelin", limit=4, explain=True),
            ask("?!", explain=True),
        ],
    },
    {
        "name": "why long documents are found",
        "why": "What is like the best gains by it.",
        "items": PAPERS,
        "searches": all_modes(
            "how do bees find their way home?", limit=4, explain=True
        ),
    },
    {
        "name": "why a record is found among more than the cuts keep",
        "why": "The second stage did not come to the forty-first.",
        "items": MANY,
        "searches": [ask("green trains", limit=43, explain=True)],
    },
    {
        "name": "why new and important records are found",
        "why": "The score before and after, and only what was asked for.",
        "items": AGED,
        "searches": [
            *all_modes("who likes green tea?", recency=WEEK, limit=2, explain=True),
            *all_modes("tea", importanceWeight=0.7, limit=2, explain=True),
            ask("tea", recency=WEEK, importanceWeight=0.1, explain=True),
        ],
    },
    {
        "name": "misspelt words: each kind of edit",
        "why": "A word that no record has and the vocabulary does not know is taken for one that is one edit away.",
        "items": TRIP,
        "searches": [
            *all_modes("when does the fery leave?"),
            *all_modes("the brekafast", limit=3, explain=True),
            *all_modes("harbuor offise tickeets", limit=3),
            *all_modes("Carlla Ruiz"),
            *all_modes("wehre is teh hotell?", limit=3),
            ask("FERYY, Feryy's; fery-fery", mode="lexical", explain=True, limit=2),
        ],
    },
    {
        "name": "words of other languages without their endings",
        "why": "What a language gives besides stands behind the words' own terms, counts once, and moves nothing in English.",
        "items": NOTES,
        "searches": [
            *all_modes("das Haus und die Bücher der Schwester"),
            *all_modes("¿el niño tiene un lápiz?"),
            *all_modes("le cheval de la chanteuse, l'école et un bon livre"),
            *all_modes("школа и машины сестры"),
            *all_modes("كتاب السيارة للأخ"),
            *all_modes("बहन की किताब"),
            *all_modes("a book about the horse and the child"),
            *all_modes("wo sind die Häuser mit dem Buch?", limit=3, explain=True),
        ],
    },
    {
        "name": "misspelt words: those of other languages",
        "why": "Their function words are none, nor is a word whose stem a record has, in a query told to be of its language.",
        "items": facts(
            "Der Zugbegleiter und die Katze", "El conejo blanco y la zanahoria"
        ),
        "searches": [
            *all_modes("wirde Katzen"),
            *all_modes("wurde Katzenx"),
            *all_modes("haben wir Katzen und Zugbegleitern"),
            *all_modes("los conejos y los conexos en una zanahorias"),
            *all_modes("zanahoriaz"),
        ],
    },
    {
        "name": "misspelt words: what is none",
        "why": "Known words, short and long ones, those with digits or beside other letters, and what is two edits away stay.",
        "items": facts(
            "the fairy lights in a tea-room",
            "Zoë's ferry tickets for the 42nd café",
            "pneumonoultramicroscopic pneumonoultramicroscop",
        ),
        "searches": [
            *all_modes("ferret"),
            *all_modes("fery"),
            *all_modes("tee rom zyx"),
            *all_modes("fery1 fery2x 1feryy"),
            *all_modes("éfery feryé 駅fery fery駅 fery"),
            *all_modes("pneumonoultramicroscopyc pneumonoultramicroskop"),
            *all_modes("xpneumonoultramicroscopic"),
            *all_modes("ffeerryy tikkets"),
        ],
    },
    {
        "name": "misspelt words: which of several",
        "why": "A stop word before all others, then what most records have among their own words, then the first by bytes.",
        "items": facts(
            "Quolla met Quolle",
            "Quolle again",
            "Quollo and Quollu",
            "Quollo once more",
            "theire thare",
            "Whyte walks, Whyte walked",
        ),
        "searches": [
            ask("Quollx", mode="lexical", explain=True),
            *all_modes("Quollx"),
            *all_modes("Quollux Quollax"),
            *all_modes("therei"),
            *all_modes("whyt walkz"),
        ],
    },
    {
        "name": "misspelt words: only the first eight",
        "why": "So that a long text for a query costs no more than a short one; words that have no correction are counted, too.",
        "items": facts(
            "alphorn bassoon clarinet dulcimer euphonium flugelhorn glockenspiel harmonium",
            "oboe and tambourine",
        ),
        "searches": [
            *all_modes(
                "alphornn basssoon clarinnet dulcimmer euphoniumm fluggelhorn glockennspiel harrmonium tamborine",
                limit=2,
            ),
            *all_modes(
                "qqqqa qqqqb qqqqc qqqqd qqqqe qqqqf qqqqg tambourinne qqqqg harrmonium tambourinne",
                limit=2,
            ),
        ],
    },
    {
        "name": "misspelt words: of whom",
        "why": "The words that count are those of the records of whose user is asked, whatever else selects; dates are among them.",
        "items": [
            {"id": "a1", "content": "the xylophone lesson", "userId": "ada"},
            {"id": "a2", "content": "an old zither", "userId": "ada", "agentId": "x"},
            {"id": "b1", "content": "a xylophon, a ziter", "userId": "bob"},
            {
                "id": "b2",
                "content": "the concert",
                "role": "user",
                "userId": "bob",
                "createdAt": "2025-12-24T18:00:00.000Z",
            },
        ],
        "deleted": ["a2"],
        "searches": [
            *all_modes("xylophonne", userId="ada"),
            *all_modes("xylophonne", userId="ada", agentId="x"),
            *all_modes("zitherr", userId="ada"),
            *all_modes("xylophonne zithher"),
            *all_modes("dezember", userId="bob"),
            *all_modes("dezember", userId="ada"),
        ],
    },
]
