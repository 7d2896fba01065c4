"""Sentences of the kind that people tell an agent and ask it, made from the patterns and words below.

All of it was written for this project: nobody else owns any of the text from which the table is fitted.
"""

import random
import re
from collections.abc import Iterator

NAMES = """alice ana anna ben bob carla chen chloe clara daniel david diego elena ella emma eric eva felix fiona frank
george grace hana hannah henry ines ivan jack james jane jenny joe john jorge julia kate kevin laura leo lily linda
lucas lucy maria mark martin maya mia michael mina nadia nick nina noah nora oliver omar oscar paul peter priya rachel ravi
robert rosa ruth sam sara simon sofia sophie steve tara tim tom uma vera victor will yuki zoe"""
RELATIVES = """mother, mom, father, dad, sister, brother, daughter, son, wife, husband, partner, girlfriend, boyfriend,
friend, best friend, old friend, roommate, neighbor, boss, manager, colleague, coworker, teacher, coach, cousin, aunt, uncle,
niece, nephew, grandmother, grandma, grandfather, grandpa, parents, kids, children, family, landlord, doctor, therapist, dentist, fiance,
twin, stepfather, mother in law, team, class, students, baby, client, mentor, tutor"""
PLACES = """beach, park, museum, library, hospital, airport, office, gym, lake, mountains, forest, zoo, mall,
market, bakery, cafe, restaurant, church, temple, theater, cinema, stadium, school, university, campus, hotel, farm, garden,
train station, bank, pharmacy, clinic, studio, garage, bookstore, supermarket, concert hall, art gallery, swimming pool, river,
campsite, national park, desert, island, village, city, countryside, workshop, kitchen, basement, shelter, embassy, court, bar, pub,
club, playground, hiking trail, waterfall, castle, harbor, bridge, downtown, yoga studio, community center, animal shelter"""
REGIONS = """paris, london, berlin, tokyo, rome, madrid, new york, boston, chicago, seattle, toronto, sydney, mumbai, delhi,
beijing, cairo, lisbon, vienna, prague, dublin, oslo, stockholm, amsterdam, mexico, brazil, canada, japan, china, india,
france, germany, spain, italy, greece, turkey, kenya, egypt, australia, california, texas, florida, scotland, ireland, sweden,
norway, poland, portugal, switzerland, thailand, vietnam, korea, hawaii, alaska, europe, asia, africa, america"""
FOODS = """pizza, pasta, sushi, rice, soup, salad, bread, cake, chocolate cake, cookies, ice cream, pie, apple pie, cheese, eggs,
chicken, beef, pork, fish, salmon, shrimp, tofu, beans, curry, tacos, burgers, sandwiches, noodles, potatoes, tomatoes, onions,
garlic, mushrooms, carrots, apples, bananas, oranges, berries, strawberries, lemon, coffee, tea, milk, wine, beer, juice, honey, nuts,
peanuts, almonds, oatmeal, yogurt, butter, steak, lamb, pancakes, dumplings, barbecue, breakfast, lunch, dinner, snacks, dessert"""
PETS = """dog, cat, puppy, kitten, rabbit, hamster, parrot, turtle, horse, goldfish, snake, lizard, bird, chicken, goat, guinea pig,
bulldog, poodle, retriever, pony"""
HOBBIES = """painting, drawing, pottery, knitting, sewing, cooking, baking, gardening, hiking, camping, fishing, running,
jogging, swimming, cycling, climbing, skiing, surfing, skating, dancing, singing, reading, writing, poetry, photography, chess, yoga,
meditation, boxing, karate, tennis, soccer, football, basketball, baseball, golf, volleyball, hockey, video games, board games,
puzzles, woodworking, birdwatching, astronomy, traveling, volunteering, collecting stamps, playing the guitar, playing the piano,
playing the violin, playing the drums, watching movies, making music, programming, robotics, bowling, sailing, rowing, kayaking"""
JOBS = """teacher, nurse, doctor, lawyer, engineer, software developer, designer, artist, writer, journalist, chef, waiter,
driver, pilot, farmer, carpenter, plumber, electrician, mechanic, accountant, banker, salesman, manager, consultant, scientist,
researcher, professor, student, librarian, musician, actor, director, photographer, police officer, firefighter, soldier,
social worker, counselor, psychologist, veterinarian, dentist, pharmacist, architect, barber, tailor, cashier, receptionist, coach,
translator, editor, founder, intern, security guard, gardener, politician, judge, economist, data scientist, product manager"""
FEELINGS = """happy, sad, excited, nervous, anxious, proud, tired, exhausted, angry, upset, grateful, thankful, lonely, relieved,
worried, scared, surprised, disappointed, calm, peaceful, confident, inspired, motivated, overwhelmed, stressed, bored, curious,
jealous, embarrassed, guilty, hopeful, lucky, confused, frustrated, joyful, amazed, loved, hurt, sick, healthy, strong, free, safe"""
THINGS = """book, novel, car, bike, phone, laptop, computer, camera, guitar, piano, house, apartment, room, table, chair, sofa,
bed, lamp, painting, photo, picture, letter, email, message, gift, present, ring, necklace, watch, dress, shirt, shoes, jacket, hat,
bag, ticket, passport, key, wallet, tent, boat, plane, train, bus, map, game, movie, film, show, song, album, poem, story, article,
blog, video, podcast, speech, report, project, plan, list, recipe, garden, tree, flowers, plants, toy, doll, bowl, cup, bottle,
knife, clock, mirror, blanket, sweater, costume, instrument, violin, drums, medal, trophy, certificate, degree, contract, loan,
insurance, bill, tax form, resume, website, app, account, password, printer, keyboard, screen, robot, drone, telescope, charity,
company, shop, store, business, band, team, club, class, course, job, house plant, fence, roof, window, door, kitchen"""
EVENTS = """wedding, birthday, birthday party, graduation, funeral, anniversary, concert, festival, conference, meeting, interview,
exam, test, race, marathon, tournament, game, match, trip, vacation, holiday, road trip, camping trip, flight, accident,
surgery, operation, appointment, parade, protest, election, workshop, lecture, class reunion, reunion, picnic, dinner, party,
housewarming, competition, contest, exhibition, art show, fundraiser, charity run, talent show, book club, christmas, thanksgiving,
easter, halloween, new year, storm, earthquake, fire, flood, war, promotion, divorce, breakup, engagement, pregnancy, birth, move,
retreat, support group, camp, photo shoot, launch, presentation, rehearsal, play, recital, performance, ceremony"""
TOPICS = """politics, history, science, physics, chemistry, biology, math, medicine, law, music, jazz, rock music, classical
music, art, sculpture, architecture, literature, poetry, fantasy novels, mystery books, comedy, horror movies, science fiction, religion,
philosophy, psychology, mental health, economics, finance, the stock market, taxes, real estate, marketing, advertising, technology,
artificial intelligence, machine learning, computers, programming, databases, security, privacy, the internet, social media, space,
planets, stars, weather, climate change, the environment, pollution, energy, nature, animals, plants, wildlife, birds, fish, insects,
sports, the olympics, fitness, nutrition, diet, cooking, travel, fashion, beauty, parenting, education, adoption, immigration,
human rights, equality, gender, community, friendship, love, marriage, family, death, grief, work, career, leadership, money, debt,
health, cancer, diabetes, asthma, allergies, sleep, headaches, back pain, covid, vaccines, drugs, alcohol, addiction, crime, justice"""
ADJECTIVES = """good, great, bad, terrible, beautiful, ugly, big, small, huge, tiny, old, new, young, expensive, cheap, free, easy,
difficult, hard, simple, important, interesting, boring, funny, sad, scary, delicious, sweet, spicy, salty, fresh, cold, hot, warm, cool,
dry, wet, loud, quiet, bright, dark, red, blue, green, yellow, black, white, brown, purple, pink, orange, fast, slow, strong, weak, soft,
heavy, light, clean, dirty, broken, local, foreign, famous, popular, rare, special, magical, peaceful, busy, crowded, empty, safe,
dangerous, healthy, useful, useless, wonderful, amazing, awesome, perfect, weird, strange, normal, favorite, second, first, last"""
PAST = """yesterday, last night, last week, last month, last year, last summer, last friday, last weekend, two days ago, three weeks ago,
a few years ago, a month ago, this morning, in january, in february, in march, in april, in may, in june, in july, in august, in
september, in october, in november, in december, on monday, on tuesday, on wednesday, on thursday, on saturday, on sunday, in 2019,
in 2021, in 2022, in 2023, when i was a child, when i was young, in college, in high school, after work, before the war, recently,
the other day, once, on may 8, on 12 june, on july 3, on 21 october"""
FUTURE = """tomorrow, tonight, next week, next month, next year, next summer, this weekend, on friday, soon, in two weeks, in the
spring, in the fall, this winter, at noon, at 5 pm, at nine, later today, in an hour, after the holidays, one day, next friday"""
DONE = """bought, sold, lost, found, made, built, painted, fixed, broke, cleaned, finished, started, read, wrote, saw, watched, heard,
tried, got, received, ordered, returned, borrowed, lent, gave away, forgot, remembered, opened, closed, won, designed, repaired, moved,
planned, canceled, missed, shared, showed, brought, kept, threw away, stole, donated, paid for, rented, signed, sent, used, wore,
hated, loved, needed, wanted, liked, recommended, reviewed, published, changed, updated, deleted, downloaded, learned about"""
DO = """buy, sell, find, make, build, paint, fix, break, clean, finish, start, read, write, see, watch, hear, try, get, order,
return, borrow, give away, remember, open, close, win, design, repair, move, plan, cancel, share, show, bring, keep, throw
away, donate, pay for, rent, sign, send, use, wear, love, need, want, like, recommend, review, change, update, delete, learn about,
talk about, think about, worry about, look for, wait for, pick up, take care of, get rid of"""
NUMBERS = """one two three four five six seven eight nine ten twelve fifteen twenty thirty forty fifty hundred thousand 2 3 4 5 7 8 10
12 15 18 20 25 30 40 50 100 200 500 1000"""

STATEMENTS = """
i {done} a {adjective} {thing} {past}
my {relative} {done} the {thing} {past}
{name} {done} a {thing} with {name} {past}
i went to the {place} with my {relative} {past}
{name} went to {region} {past}
we are going to {region} {future}
i am going to the {place} {future}
i have to {do} the {thing} {future}
i want to {do} a {thing} {future}
{name} wants to {do} a {adjective} {thing}
my {relative} works as a {job} in {region}
i am a {job} and i work at the {place}
{name} became a {job} {past}
i used to be a {job} before i started {hobby}
{name} quit the job as a {job} {past}
i started {hobby} {past} and it makes me feel {feeling}
{hobby} helps me relax after a long day
{name} loves {hobby} and {hobby}
my {relative} and i enjoy {hobby} at the {place}
i prefer {hobby} to {hobby}
i do not like {food}
i love {food} with {food}
i am allergic to {food} and {pet} hair
{name} cooked {food} and {food} for the {event}
we had {food} at a {adjective} restaurant in {region}
my favorite food is {food}
i stopped eating {food} {past}
i have a {pet} named {name}
my {pet} is {number} years old and likes the {place}
{name} adopted a {adjective} {pet} {past}
we took the {pet} to the {place}
i was so {feeling} when my {relative} {done} the {thing}
i felt {feeling} after the {event}
{name} seemed {feeling} about the {event} in {region}
the {event} was {adjective} and everyone was {feeling}
the {event} is {future} at the {place}
{name} invited me to a {event} {future}
my {relative} could not come to the {event}
i missed the {event} because of the {event}
i have been {feeling} since the {event}
my {relative} has a {event} {future}
i am reading a {adjective} book about {topic}
{name} gave a talk about {topic} at the {event}
i am interested in {topic} and {topic}
we talked about {topic} for {number} hours
i am studying {topic} at the university
my {relative} does not believe in {topic}
i learned a lot about {topic} from my {relative}
i live in {region} with my {relative}
{name} moved from {region} to {region} {past}
i was born in {region} and grew up in {region}
i have {number} {thing} and {number} {pet}
the {thing} costs {number} dollars
the {thing} in the {place} is {adjective} and {adjective}
i keep the {thing} in the {place}
the {thing} reminds me of my {relative} in {region}
{name} gave me a {adjective} {thing} for my birthday
my {relative} and my {relative} got married in {region} {past}
{name} is my {relative} and a very {adjective} person
{name} is {number} years old
i met {name} at a {event} in {region} {past}
{name} and i have been friends for {number} years
i am saving money to {do} a {thing}
i need to lose weight so i gave up {food}
my doctor told me to stop {hobby} and eat more {food}
please remember that i like {adjective} answers
please do not {do} my {thing}
always use the {adjective} {thing} when you {do} the {thing}
remind me to {do} the {thing} {future}
the meeting about {topic} is {future}
our project is about {topic}
{name} helped me {do} the {thing}
i promised my {relative} to {do} the {thing}
thank you so much for the {thing} , it is {adjective}
that sounds {adjective} , i am {feeling} for you
wow , your {thing} looks {adjective}
here is a picture of my {pet} at the {place}
a photo of a {adjective} {thing} on a table
a photo of a {relative} holding a {thing} in the {place}
it was {adjective} to see {name} again {past}
i wish i could {do} a {thing} in {region}
the {place} in {region} was {adjective}
{name} lost the {event} but was still {feeling}
i run {number} miles at the {place} every morning
i watched a movie about {topic} with {name}
my goal is to {do} a {thing} and to get better at {hobby}
i volunteer at the {place} to help with {topic}
we planted {food} and flowers in the garden
""".strip().splitlines()

OPENINGS = """
hey {name} ,
hi {name} , how are you ?
hello !
oh my god ,
oh ,
wow ,
yeah ,
yes ,
no ,
no way !
well ,
so ,
okay ,
ok , so
i mean ,
you know what ?
you know ,
guess what ?
listen ,
look ,
actually ,
by the way ,
honestly ,
sorry ,
thanks , {name} .
thank you !
that's great !
that's so {adjective} !
i'm sorry to hear that .
congratulations !
good morning !
really ?
sure ,
of course .
i don't know ,
i think
i guess
i heard that
{name} told me that
it's true ,
maybe
unfortunately
luckily
right now
these days
in fact
""".strip().splitlines()

CLOSINGS = """
, you know ?
, right ?
, isn't it ?
, don't you think ?
. what about you ?
. how about you ?
. what do you think ?
. i can't wait !
. it's been {adjective} .
. it was so much fun !
. i'm really {feeling} about it .
. she's so {adjective} .
. he's very {adjective} .
. they're {feeling} now .
. we'll see .
. i'll tell you more {future} .
. you should try it too !
. you'd love it .
. i couldn't believe it .
. it didn't go well .
. that's why i'm {feeling} .
. it means a lot to me .
. thanks for asking !
. let me know !
. let's do it together {future} .
. i've never done that before .
. i wouldn't do it again .
. don't forget it .
. but it's worth it .
. and that was that .
, but i'm not sure .
, and my {relative} too .
because my {relative} asked me to .
, which was {adjective} .
, so i'm {feeling} .
, even though it was {adjective} .
. i hope it helps .
. take care !
. see you {future} !
. bye !
!
.
.
""".strip().splitlines()

TALK = """
what are you doing here ?
i'm just {feeling} , that's all
you're so {adjective} !
are you okay ?
i can't believe you {done} the {thing} !
i didn't {do} the {thing} , {name} did
where have you been ?
we've got to {do} the {thing}
i gotta {do} the {thing}
i'm gonna {do} a {thing} {future}
why don't you {do} the {thing} ?
he's going out with my {relative}
she's in love with {name}
they broke up {past}
i kissed {name} {past}
i don't want to talk about it
what's wrong with you ?
who's that ?
it's just a {thing}
this is my {relative} , {name}
there's a {adjective} {thing} in the {place}
that's my {thing} !
come on , let's go to the {place}
i'll be there {future}
you have to see this {thing}
she said she would {do} it {future}
he told me he {done} the {thing}
i know , but it's {adjective}
i thought you were in {region}
i wanted to tell you something about {name}
you never told me about the {event}
would you like some {food} ?
can i have the {food} , please ?
did you see {name} ?
have you seen my {thing} ?
could you help me with the {thing} ?
should we go to the {place} or to the {place} ?
do you want to come to the {event} with me ?
what's your favorite {thing} ?
how's your {relative} ?
how did the {event} go ?
how come you didn't go to the {event} ?
i hope you feel better {future}
keep up the good work with the {hobby}
your {relative} must be {feeling}
nothing much , just {hobby} and {hobby}
not bad , i've been busy with {topic}
i've been {hobby} for {number} years now
i've always wanted to try {hobby}
it took me {number} hours to {do} the {thing}
we had such a {adjective} time in {region}
he won't eat {food}
they weren't {feeling} at all
everybody loves the {thing}
nobody came to the {event}
somebody {done} my {thing}
everything is {adjective} since the {event}
life is {adjective} , but i try to stay {feeling}
being with my {relative} makes me {feeling}
this {thing} means a lot to me , it's from my {relative}
""".strip().splitlines()

QUESTIONS = """
what did {name} {do} {past} ?
what did {name} buy for the {event} ?
what does {name} like to eat ?
what is the name of the {pet} of {name} ?
what kind of {thing} does {name} have ?
what are the hobbies of {name} ?
what is my favorite {thing} ?
what does my {relative} do for a living ?
what do you think about {topic} ?
what made {name} feel {feeling} ?
what happened at the {event} ?
what color is the {thing} ?
what book did {name} read about {topic} ?
what should i cook with {food} and {food} ?
what are the plans of {name} for {future} ?
where did {name} go {past} ?
where does my {relative} live ?
where did {name} {do} the {thing} ?
where is the {thing} ?
where was the {event} ?
when did {name} go to the {place} ?
when did {name} start {hobby} ?
when is the {event} of my {relative} ?
when did {name} move to {region} ?
when is the appointment with my {relative} ?
who gave {name} the {thing} ?
who went to {region} with {name} ?
who is a {job} ?
who likes {hobby} ?
who came to the {event} ?
why did {name} {do} the {thing} ?
why was {name} {feeling} ?
why does {name} like {hobby} ?
how did {name} feel about the {event} ?
how many {thing} does {name} have ?
how long has {name} been {hobby} ?
how old is my {relative} ?
how much did the {thing} cost ?
how often does {name} go {hobby} ?
does {name} have a {pet} ?
did {name} {do} the {thing} {past} ?
would {name} enjoy {hobby} ?
would {name} be interested in {topic} ?
is {name} married ?
which {place} did {name} visit in {region} ?
which {food} does my {relative} like ?
have you ever been to {region} ?
do you like {hobby} ?
can you {do} the {thing} for me ?
how was the {event} {past} ?
how do i {do} a {thing} ?
did you hear about the {event} in {region} ?
""".strip().splitlines()

WORDS = """
i read something about {word} and {word}
tell me more about {word}
{name} told me about {word} {past}
what is {word} ?
{word} is a kind of {word}
the {word} of {word}
{word} and {word} belong together
is {word} the same as {word} ?
my {relative} has a {word} and a {word}
they {word} the {word} in the {word}
there was a {word} {word} near the {place}
{name} said that {word} is {adjective}
we saw {word} in {region}
the {word} {thing} was {adjective}
{word} , {word} and {word}
a {adjective} {word} with {word}
{word} {word}
{word} {word} {word}
i know {word} , but not {word}
how does {word} work ?
""".strip().splitlines()


def listed(text: str) -> list[str]:
    """The entries of a list: separated by commas if there are any, else by white space."""
    return [
        " ".join(entry.split())
        for entry in (text.split(",") if "," in text else text.split())
    ]


SLOTS = {
    "name": listed(NAMES),
    "relative": listed(RELATIVES),
    "place": listed(PLACES),
    "region": listed(REGIONS),
    "food": listed(FOODS),
    "pet": listed(PETS),
    "hobby": listed(HOBBIES),
    "job": listed(JOBS),
    "feeling": listed(FEELINGS),
    "thing": listed(THINGS),
    "event": listed(EVENTS),
    "topic": listed(TOPICS),
    "adjective": listed(ADJECTIVES),
    "past": listed(PAST),
    "future": listed(FUTURE),
    "done": listed(DONE),
    "do": listed(DO),
    "number": listed(NUMBERS),
}
SLOT = re.compile(r"{(\w+)}")
ARTICLE = re.compile(r"\ba(?= [aeiou])")


def sentences(count: int, words: list[str], seed: int) -> Iterator[str]:
    """That many sentences; `words` are those that `{word}` stands for, each in its turn, in an order drawn anew each time."""
    # Only `random()` is promised to give the same numbers in every version of Python.
    draw = random.Random(seed).random
    waiting: list[str] = []

    def pick(entries: list[str]) -> str:
        return entries[int(draw() * len(entries))]

    def fill(slot: re.Match[str]) -> str:
        if slot[1] != "word":
            return pick(SLOTS[slot[1]])
        if not waiting:
            waiting.extend(sorted(words, key=lambda _: draw()))
        return waiting.pop()

    for _ in range(count):
        kind = draw()
        if kind < 0.15:
            pattern = pick(QUESTIONS)
        elif kind < 0.4:
            pattern = pick(WORDS)
        else:
            pattern = pick(STATEMENTS if kind < 0.75 else TALK)
            if draw() < 0.5:
                pattern = f"{pick(OPENINGS)} {pattern}"
            if draw() < 0.5:
                closing = pick(CLOSINGS)
                # After a question, what would go on with its sentence begins one of its own.
                pattern = f"{pattern} {closing.lstrip('.,! ') if pattern.endswith(('?', '!')) else closing}"
            if draw() < 0.4:
                pattern = f"{{name}}: {pattern}"
        yield ARTICLE.sub("an", SLOT.sub(fill, pattern))
