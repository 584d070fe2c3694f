"""The words of reasons: kinds, values, dimensions, classes of records and causes, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from services.scorer.core.moves import Cause
from shared.contracts.kinds import KIND_OF

Both: TypeAlias = tuple[str, str]
"""English and Chinese."""

VALUES: Mapping[str, str] = {
    "verified": "已认证",
    "withdrawn": "已撤回",
    "none": "无",
    "secondary": "高中",
    "vocational": "大专或职业教育",
    "bachelor": "本科",
    "master": "硕士",
    "doctorate": "博士",
    "employed": "受雇",
    "self_employed": "自雇",
    "public_service": "公共部门",
    "owner": "有登记车辆",
    "poor": "较差",
    "fair": "一般",
    "good": "良好",
    "excellent": "优秀",
}
"""The values of facts in Chinese."""


def of_kind(name: str) -> Both:
    """What a person calls the events of a kind; of a deployment's own kind, its title in both languages."""
    return KINDS.get(name) or (KIND_OF[name].title, KIND_OF[name].title)


KINDS: Mapping[str, Both] = {
    "credit_card.repayment": ("credit card payments", "信用卡还款"),
    "consumer_credit.repayment": ("consumer credit payments", "消费信贷还款"),
    "cash_loan.repayment": ("cash loan payments", "现金贷款还款"),
    "instalment.repayment": ("instalments of purchases", "分期购物还款"),
    "mortgage.repayment": ("mortgage payments", "房贷还款"),
    "student_loan.repayment": ("student loan payments", "助学贷款还款"),
    "rent.payment": ("rent", "房租"),
    "insurance.premium": ("insurance premiums", "保险费"),
    "broadband.bill": ("broadband bills", "宽带费"),
    "subscription.fee": ("subscriptions", "订阅费"),
    "parking.fee": ("parking fees", "停车费"),
    "credit_card.statement": ("credit card statements", "信用卡账单"),
    "credit_card.payment": ("payments towards credit cards", "信用卡还款入账"),
    "water.bill": ("water bills", "水费"),
    "electricity.bill": ("electricity bills", "电费"),
    "gas.bill": ("gas bills", "燃气费"),
    "property_fee.bill": ("property management fees", "物业费"),
    "phone.bill": ("phone bills", "话费"),
    "transit.fare": ("fares of public transport", "公共交通费用"),
    "bike_rental.return": ("city bikes", "共享单车"),
    "e_bike_rental.return": ("e-bikes", "共享电单车"),
    "car_rental.return": ("rental cars", "租车"),
    "item_rental.return": ("other rented things", "物品租赁"),
    "credit_lease.return": ("leases without deposit", "免押租赁"),
    "hotel.stay": ("hotel stays", "酒店住宿"),
    "ride.trip": ("rides", "网约车出行"),
    "shop.purchase": ("purchases", "购物"),
    "service.payment": ("everyday payments", "生活缴费"),
    "donation.made": ("donations", "捐赠"),
    "recycling.handed_in": ("recycling", "回收"),
    "income.reported": ("monthly income", "月收入"),
    "social_security.contribution": ("social security contributions", "社保缴纳"),
    "provident_fund.contribution": ("provident fund contributions", "公积金缴存"),
    "real_estate.reported": ("real estate", "房产"),
    "vehicle.reported": ("vehicles", "车辆"),
    "deposits.reported": ("deposits", "存款"),
    "securities.reported": ("securities", "证券"),
    "insurance.reported": ("insurance policies", "保单"),
    "tax.reported": ("taxed income", "应税收入"),
    "identity.verified": ("identity", "身份认证"),
    "education.verified": ("highest degree", "最高学历"),
    "occupation.verified": ("occupation", "职业"),
    "vehicle_ownership.verified": ("registered vehicle", "名下车辆"),
    "platform_standing.reported": ("standing with other platforms", "在其他平台的信用"),
    "court.listing": ("listing by a court as a judgment debtor", "法院失信被执行人名单"),
    "loan.overdue": ("loan or consumer credit overdue", "贷款或消费信贷逾期"),
    "card.overdue": ("credit card overdue", "信用卡逾期"),
    "instalment.overdue": ("instalment of a purchase overdue", "分期购物逾期"),
    "utility_bill.overdue": ("utility bill overdue", "水电燃气费逾期"),
    "business_fee.overdue": ("business fee overdue", "经营费用逾期"),
    "hotel.no_show": ("hotel room booked on credit and not used", "信用住未入住"),
    "ride.unpaid": ("ride not paid", "出行费用未付"),
    "rental.not_returned": ("rented thing not returned", "租赁物品未归还"),
}
"""What a person calls the events, facts, figures and records of a kind."""

GROUPS: Mapping[str, Both] = {
    "credit": ("credit payments", "信用类还款"),
    "utilities": ("household and phone bills", "水电燃气、物业与话费账单"),
}
"""What a person calls all obligations of a group of kinds."""

DIMENSIONS: Mapping[str, Both] = {
    "credit_history": ("Credit history", "信用历史"),
    "behavior": ("Behavior", "行为偏好"),
    "performance_ability": ("Performance ability", "履约能力"),
    "identity": ("Identity", "身份特质"),
    "connections": ("Connections", "人脉关系"),
}


def dimension_name(code: str) -> Both:
    """What people call a dimension that its policy gives no name; one of a policy's own goes by its code."""
    plain = code.replace("_", " ").capitalize()
    return DIMENSIONS.get(code, (plain, plain))


CLASSES: Mapping[str, Both] = {
    "legal": ("legal", "法律类"),
    "financial": ("financial", "金融类"),
    "life": ("everyday-life", "生活类"),
}

CAUSES: Mapping[Cause, Both] = {
    Cause.POLICY: ("a new policy", "评分规则更新"),
    Cause.LATE: ("what was reported late, of earlier months", "补报的以前月份的行为"),
    Cause.FACTS: ("what was confirmed about you", "身份信息变化"),
    Cause.ENTERING: ("{month}, which counts now", "{month}开始计入"),
    Cause.LEAVING: ("older months that no longer count", "较早的月份不再计入"),
    Cause.CONTACTS: ("your contacts", "联系人变化"),
    Cause.BEHAVIOR: ("what you did, and what grew older", "新的行为与时间推移"),
    Cause.RECORDS: ("negative records", "负面记录"),
    Cause.BOUNDS: ("limits on the score and caps on items", "总分限制与合计上限"),
}
