DEV = {"EE":"233","RU":"643","US":"840","DE":"276","BR":"076","CN":"156","FR":"250","NL":"528","UA":"804","PL":"616","TR":"792","EG":"818","VN":"704","IN":"356","ID":"360","GB":"826","FI":"246","CA":"124","KR":"410","PE":"604"}
def numeric(code: str) -> str:
    return DEV.get(code, "")

def name(code: str) -> str:
    return code
