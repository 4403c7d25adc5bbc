"""Small models in the manner of teaching models, without markers or ranges, as users bring them."""

from __future__ import annotations

from typing import NamedTuple


class Teaching(NamedTuple):
    """A model: equations, the outcome, and ranges of constants; the first is the one that is fitted."""

    equations: str
    outcome: str
    ranges: dict[str, tuple[float, float]]
    end: float = 20
    step: float = 0.125


MODELS: dict[str, Teaching] = {
    "bathtub": Teaching(
        "water = INTEG(tap - drain, 50)~~| tap = 5~~| drain = water*share~~| share = 0.2~~|",
        "water", {"share": (0.1, 0.4), "tap": (2, 8)},
    ),
    "cooling cup": Teaching(
        "temperature = INTEG(-loss, 180)~~| loss = (temperature - room)/time to cool~~| room = 70~~|"
        "time to cool = 10~~|",
        "temperature", {"time to cool": (5, 20), "room": (60, 80)},
    ),
    "savings": Teaching(
        "balance = INTEG(interest + deposits - fees, 1000)~~| interest = rate*balance~~| deposits = 100~~|"
        "fees = IF THEN ELSE(balance < 2000, 20, 0)~~| rate = 0.04~~|",
        "balance", {"rate": (0.01, 0.08), "deposits": (50, 200)},
    ),
    "logistic growth": Teaching(
        "animals = INTEG(net, 10)~~| net = growth*animals*(1 - animals/room for animals)~~| growth = 0.5~~|"
        "room for animals = 1000~~|",
        "animals", {"growth": (0.3, 0.7), "room for animals": (500, 2000)},
    ),
    "epidemic": Teaching(
        "well = INTEG(-infection, 990)~~| ill = INTEG(infection - recovery, 10)~~| cured = INTEG(recovery, 0)~~|"
        "infection = contacts*infectivity*well*ill/(well + ill + cured)~~| recovery = ill/duration~~|"
        "contacts = 5~~| infectivity = 0.1~~| duration = 4~~|",
        "cured", {"infectivity": (0.08, 0.15), "duration": (3, 6)},
    ),
    "epidemic with incubation": Teaching(
        "well = INTEG(-infection, 999)~~| carriers = INTEG(infection - onset, 1)~~| ill = INTEG(onset - recovery, 0)~~|"
        "infection = beta*well*ill/1000~~| onset = carriers/2~~| recovery = ill/duration~~| beta = 1.5~~|"
        "duration = 3~~|",
        "well", {"beta": (1, 2), "duration": (2, 5)},
    ),
    "predator and prey": Teaching(
        "hares = INTEG(births - kills, 100)~~| lynxes = INTEG(gain - losses, 20)~~| births = 0.5*hares~~|"
        "kills = hunting*hares*lynxes~~| gain = 0.2*kills~~| losses = mortality*lynxes~~| hunting = 0.02~~|"
        "mortality = 0.4~~|",
        "lynxes", {"hunting": (0.015, 0.025), "mortality": (0.3, 0.5)}, 15, 0.03125,
    ),
    "diffusion of a product": Teaching(
        "users = INTEG(sales, 0)~~| sales = (market - users)*(advertising + imitation*users/market)~~| market = 1000~~|"
        "advertising = 0.01~~| imitation = 0.5~~|",
        "users", {"imitation": (0.3, 0.7), "advertising": (0.005, 0.02)},
    ),
    "supply chain": Teaching(
        "stock in store = INTEG(arrivals - orders of customers, 100)~~| arrivals = DELAY3(orders, delay)~~|"
        "orders of customers = 20 + STEP(5, 3)~~|"
        "orders = MAX(0, SMOOTH(orders of customers, 2) + (goal - stock in store)/adjustment time)~~|"
        "goal = 100~~| delay = 3~~| adjustment time = 4~~|",
        "stock in store", {"adjustment time": (3, 8), "goal": (80, 120)}, 30,
    ),
    "market growth": Teaching(
        "sales force = INTEG((budget/salary - sales force)/hiring time, 10)~~| budget = 0.1*price*deliveries~~|"
        "deliveries = MIN(capacity, backlog/2)~~| backlog = INTEG(sales - deliveries, 100)~~|"
        "sales = sales force*effectiveness*appeal(backlog/MAX(deliveries, 1))~~| appeal((0,1),(4,0.5),(10,0.1))~~|"
        "capacity = INTEG((backlog/3 - capacity)/8, 60)~~| price = 10~~| salary = 5~~| hiring time = 4~~|"
        "effectiveness = 6~~|",
        "sales force", {"effectiveness": (4, 8), "hiring time": (3, 6)},
    ),
    "drug in the blood": Teaching(
        "gut = INTEG(dose*PULSE(1, 0.5)/0.5 - uptake, 0)~~| blood = INTEG(uptake - clearance, 0)~~|"
        "uptake = gut*ka~~| clearance = blood*ke~~| dose = 100~~| ka = 1.2~~| ke = 0.3~~|",
        "blood", {"ke": (0.2, 0.5), "ka": (0.8, 2)}, 12, 0.0625,
    ),
    "commons": Teaching(
        "grass = INTEG(regrowth - grazing, 800)~~| regrowth = 0.4*grass*(1 - grass/1000)~~|"
        "grazing = cows*appetite*grass/1000~~| cows = INTEG((profit - 1)*cows*greed, 50)~~|"
        "profit = grazing/cows/2~~| appetite = 4~~| greed = 0.2~~|",
        "grass", {"greed": (0.1, 0.3), "appetite": (3, 5)},
    ),
    "fishery": Teaching(
        "fish = INTEG(0.5*fish*(1 - fish/2000) - catch, 1500)~~| catch = boats*skill*fish~~|"
        "boats = INTEG((income - cost)*entry, 20)~~| income = catch*2~~| cost = boats*10~~| skill = 0.01~~|"
        "entry = 0.005~~|",
        "fish", {"skill": (0.008, 0.015), "entry": (0.002, 0.01)},
    ),
    "pendulum": Teaching(
        "angle = INTEG(speed, 1)~~| speed = INTEG(-stiffness*SIN(angle) - friction*speed, 0)~~| stiffness = 1~~|"
        "friction = 0.2~~|",
        "angle", {"stiffness": (0.8, 1.2), "friction": (0.1, 0.4)}, 10, 0.0625,
    ),
    "workforce": Teaching(
        "rookies = INTEG(hiring - growing up, 20)~~| veterans = INTEG(growing up - leaving, 80)~~|"
        "hiring = (goal - rookies - veterans)/3 + leaving~~| growing up = rookies/time to learn~~|"
        "leaving = veterans*turnover~~| goal = 150~~| time to learn = 4~~| turnover = 0.1~~|",
        "veterans", {"turnover": (0.05, 0.2), "time to learn": (3, 6)},
    ),
    "ageing chain": Teaching(
        "young = INTEG(births - maturing, 300)~~| adult = INTEG(maturing - ageing, 500)~~|"
        "old = INTEG(ageing - deaths, 200)~~| births = adult*fertility~~| maturing = young/18~~|"
        "ageing = adult/45~~| deaths = old/remaining life~~| fertility = 0.04~~| remaining life = 15~~|",
        "old", {"remaining life": (10, 20), "fertility": (0.02, 0.06)}, 50, 0.25,
    ),
    "price and stock": Teaching(
        "price = INTEG(price*gap/time to adjust, 10)~~| gap = (wanted - stored)/wanted~~| wanted = 100~~|"
        "stored = INTEG(production - use, 90)~~| production = SMOOTH3(10 + price, 4)~~|"
        "use = 20*(10/price)^elasticity~~| elasticity = 0.5~~| time to adjust = 5~~|",
        "price", {"elasticity": (0.3, 0.8), "time to adjust": (4, 8)},
    ),
    "carbon and warmth": Teaching(
        "carbon = INTEG(emissions - uptake, 800)~~| emissions = 8 + RAMP(0.2, 5, 20)~~|"
        "uptake = (carbon - 600)*uptake rate~~| warmth = INTEG((forcing - warmth*feedback)/30, 0.8)~~|"
        "forcing = 5.35*LN(carbon/600)~~| uptake rate = 0.02~~| feedback = 1.2~~|",
        "warmth", {"feedback": (0.8, 1.8), "uptake rate": (0.01, 0.03)}, 60, 0.25,
    ),
    "project with rework": Teaching(
        "to do = INTEG(rework - work, 500)~~| done = INTEG(work*quality, 0)~~|"
        "hidden errors = INTEG(work*(1 - quality) - rework, 0)~~| work = MIN(staff*1.5, to do/1)~~|"
        "rework = hidden errors/time to find~~| staff = 20~~| quality = 0.8~~| time to find = 4~~|",
        "done", {"quality": (0.6, 0.95), "time to find": (2, 8)}, 30,
    ),
    "rumour": Teaching(
        "know = INTEG(telling - forgetting, 1)~~| telling = chats*know*(100 - know)/100~~|"
        "forgetting = know*forgetfulness~~| chats = 0.8~~| forgetfulness = 0.1~~|",
        "know", {"chats": (0.5, 1), "forgetfulness": (0.05, 0.2)},
    ),
    "learning curve": Teaching(
        "experience = INTEG(output, 10)~~| unit cost = 100*(experience/10)^(-learning)~~|"
        "output = demand*(100/unit cost)^0.5~~| demand = 5~~| learning = 0.3~~|",
        "unit cost", {"learning": (0.1, 0.4), "demand": (3, 8)},
    ),
    "debt": Teaching(
        "debt = INTEG(deficit, 60)~~| product = INTEG(product*growth, 100)~~|"
        "deficit = spending - taxes + debt*interest~~| spending = 0.38*product~~| taxes = tax rate*product~~|"
        "tax rate = 0.4~~| interest = 0.04~~| growth = 0.02~~| ratio = debt/product~~|",
        "ratio", {"interest": (0.02, 0.06), "tax rate": (0.36, 0.42)}, 40, 0.25,
    ),
    "arms race": Teaching(
        "ours = INTEG(0.3*theirs - fatigue*ours + 2, 10)~~| theirs = INTEG(0.2*ours - fatigue*theirs + grievance, 5)~~|"
        "fatigue = 0.4~~| grievance = 1~~|",
        "ours", {"fatigue": (0.35, 0.6), "grievance": (0.5, 2)},
    ),
    "reservoir": Teaching(
        "lake = INTEG(rain - release - spill, 400)~~| rain = 20*(1 + 0.5*SIN(2*3.14159*Time))~~|"
        "release = SMOOTH(lake, 2)*gate~~| spill = MAX(0, lake - 500)*2~~| gate = 0.05~~| area = 1~~|"
        "level of water = lake/area/width~~| width = 10~~|",
        "level of water", {"gate": (0.03, 0.08), "width": (8, 12)},
    ),
    "two regions": Teaching(
        "region: north, south ~~|\npeople[region] = INTEG(births[region] + net[region], start[region])~~|"
        "start[region] = 100, 300~~| births[region] = people[region]*growth~~|"
        "net[north] = (people[south] - people[north])*mobility~~| net[south] = -net[north]~~| growth = 0.02~~|"
        "mobility = 0.05~~| people in north = people[north]~~|",
        "people in north", {"mobility": (0.02, 0.1), "growth": (0.01, 0.03)},
    ),
    "assembly line": Teaching(
        "in line = INTEG(starts - finished, 40)~~| starts = pull*(goal - in line)/4 + finished~~|"
        "finished = DELAY FIXED(starts, 2, 10)~~| goal = 60~~| pull = 0.5~~|",
        "in line", {"pull": (0.3, 0.7), "goal": (50, 80)},
    ),
    "housing": Teaching(
        "houses = INTEG(building - decay, 1000)~~| building = houses*pace*crowding((houses/land))~~|"
        "crowding((0,1),(0.5,1.2),(0.8,0.6),(1,0))~~| decay = houses/lifetime~~| land = 4000~~| pace = 0.12~~|"
        "lifetime = 60~~|",
        "houses", {"pace": (0.08, 0.16), "lifetime": (40, 80)}, 40, 0.25,
    ),
}  # fmt: skip


def text(model: Teaching) -> str:
    """The model as a `.mdl`."""
    return (
        "{UTF-8}\n" + model.equations.replace("~~| ", "~~|\n").replace("~~|", " ~~|\n")
        + f"INITIAL TIME = 0 ~~|\nFINAL TIME = {model.end} ~~|\nTIME STEP = {model.step} ~~|\nSAVEPER = 1 ~~|\n"
    )  # fmt: skip
