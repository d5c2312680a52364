"""DEMAND: what customers want and what we promised; pure, one door (`engine.Engine`), messages in and messages out.

`orders` is the order and the table of its states, `state` everything the room remembers with its limits. `capture`
answers the customer (validate, duplicates, amend, hold, cancel), `sourcing` chooses from what a site has to give,
`promise` picks the departure and the time of release, `departures` keeps the timetable and its gates, `progress`
takes the facts of the sites, `audit` closes orders and departures and keeps the books.

Facts (stock levels, shipments, closings) that come twice change nothing and say nothing; requests (capture, cancel,
hold) that come twice get their first answer again, stamped with the time of the repetition.
"""
