"""The words of the portal's pages, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

from services.scorer.core.reasons.figures import Language
from shared.contracts.subject import TEXT_OF_PERSON_CHARACTERS_MAX, WORDS_MAX

_BOTH: Mapping[str, tuple[str, str]] = {
    "title": ("Your credit standing", "我的信用"),
    "skip": ("To the content", "跳到正文"),
    "other_language": ("中文", "English"),
    "leave": ("Leave this page", "退出"),
    "nothing": (
        "No score of yours has been published yet. The next publication is on {day}. Until then, what partners have "
        "reported about you is held by other parts of the platform, and this page cannot show it.",
        "尚未发布您的信用分，下一次发布在{day}。在此之前，合作机构报送的数据由平台的其他部分保管，本页无法显示。",
    ),
    "nothing_at_once": (
        "No score of yours has been published yet. The first one comes as soon as something is reported that counts. "
        "Until then, what partners have reported about you is held by other parts of the platform, and this page "
        "cannot show it.",
        "尚未发布您的信用分，一有计入评分的信息报送即会发布。在此之前，合作机构报送的数据由平台的其他部分保管，本页无法显示。",
    ),
    "nothing_of_erased": (
        "Of somebody who was erased and of whom nothing was reported since, nothing is held at all.",
        "若您的数据已被删除，且此后没有新的报送，则平台不再保存您的任何数据。",
    ),
    "erased": (
        "Everything about you was erased, by your request {id}.",
        "根据您的申请 {id}，与您有关的全部数据已被删除。",
    ),
    "erased_lately": (
        "Everything about you was erased, by your request {id}. The receipt comes within a minute: open this page "
        "again. If it does not come, ask the operator for it by this number.",
        "根据您的申请 {id}，与您有关的全部数据已被删除。回执将在一分钟内生成，请稍后重新打开本页；"
        "如未出现，请凭此编号向运营方索取。",
    ),
    "receipt": ("Download the receipt (JSON)", "下载回执（JSON）"),
    "erased_since": (
        "If a partner has reported anything about you since, a new score comes with the publication of {day}.",
        "若此后有合作机构报送您的数据，新的信用分将在{day}发布。",
    ),
    "erased_since_at_once": (
        "If a partner reports anything about you that counts, a new score comes at once.",
        "此后如有合作机构报送计入评分的数据，新的信用分会立即发布。",
    ),
    "no_score": (
        "No score of yours has been published yet. The first one comes with the next publication, on {day}.",
        "尚未发布您的信用分，将在下一次发布时（{day}）给出。",
    ),
    "no_score_at_once": (
        "No score of yours has been published yet. The first one comes as soon as something is reported that counts.",
        "尚未发布您的信用分，一有计入评分的信息报送即会发布。",
    ),
    "benefits": ("What your standing opens", "可享权益"),
    "benefit": ("benefit", "权益"),
    "status": ("now", "状态"),
    "in force": ("open", "可使用"),
    "restricted": ("closed while a record is open", "负面记录未了结期间不能使用"),
    "thin file": ("not yet: the history is too short", "暂不可用：记录尚短"),
    "not reached": ("from {points} points on", "{points} 分起"),
    "falls": ("{tier} ends on {day}, unless your score recovers.", "若分数未恢复，“{tier}”将于{day}结束。"),
    "records_held": (
        "Negative records that are held about you: {held}. Counted in your score: {counting}.",
        "关于您的负面记录：{held} 条，其中 {counting} 条计入评分。",
    ),
    "parts": ("Parts of this page", "本页内容"),
    "records": ("What is held against you", "负面记录"),
    "records_shortened": (
        "There are so many that not all fits here: what you have said about them is left out, or part of it, and "
        "perhaps some records. Ask the operator for all that is held about you.",
        "记录过多，此处无法全部列出：您就其所作的异议或声明未全部列出，部分记录也可能未列出。请向运营方索取关于您的全部信息。",
    ),
    "records_none": ("No negative record is held about you.", "没有关于您的负面记录。"),
    "provider": ("Reported by {partner}, as {number}", "由 {partner} 报送，编号 {number}"),
    "began": ("began on {day}", "发生于{day}"),
    "ended": ("ended on {day}", "结束于{day}"),
    "goes_on": ("not ended", "尚未结束"),
    "gone": ("It is gone on {day}, in {days} days.", "将于{day}删除，还有 {days} 天。"),
    "gone_tomorrow": ("It is gone on {day}, tomorrow.", "将于{day}（明天）删除。"),
    "gone_open": (
        "It has no end yet: the time until it is gone begins when it is settled.",
        "尚无删除日期：了结之后开始计时。",
    ),
    "gone_if_settled": ("If it is settled today, it is gone on {day}.", "若今日了结，将于{day}删除。"),
    "costs": ("It costs {points} today.", "目前扣 {points}。"),
    "costs_nothing": ("By itself it changes nothing today.", "目前单独不影响分数。"),
    "gone_if_settled_costs": (
        "If it is settled today, it then costs {points}, and is gone on {day}.",
        "若今日了结，则扣 {points}，并将于{day}删除。",
    ),
    "counts_not": ("It does not count at present.", "目前不计入评分。"),
    "counts_later": ("It counts from {day} on.", "自 {day} 起计入评分。"),
    "counts": ("It counts at present.", "目前计入评分。"),
    "open": ("open", "未了结"),
    "settled": ("settled", "已了结"),
    "disputed": ("disputed", "异议处理中"),
    "confirmed": ("confirmed by its provider", "信息提供者已确认"),
    "corrected": ("corrected by its provider", "信息提供者已更正"),
    "unverifiable": ("nobody could say that it is right", "无法核实"),
    "answer_by": ("Its provider must answer by the end of {day}.", "信息提供者须在{day}日终前答复。"),
    "dispute_deletes": (
        "If nobody answers in time, it is deleted. If its provider confirms it, it counts again.",
        "逾期无答复则删除该记录；若信息提供者确认无误，则重新计入评分。",
    ),
    "dispute_stands": (
        "If nobody answers in time, it stays, marked as what nobody could verify, and no longer counts. If its "
        "provider confirms it, it counts again.",
        "逾期无答复则保留该记录，注明无法核实，且不再计入评分；若信息提供者确认无误，则重新计入评分。",
    ),
    "dispute_adds": (
        "A statement that you add meanwhile belongs to this dispute, and whoever sees the record sees it.",
        "在此期间附上的声明属于本次异议，查看该记录者均可看到。",
    ),
    "statement": ("Your statement: {text}", "您的声明：{text}"),
    "said_against": ("You said that it is wrong: {reason}.", "您的异议：{reason}。"),
    "said_against_told": ("You said that it is wrong: {reason}. “{text}”", "您的异议：{reason}。“{text}”"),
    "said_against_other": ("You said that it is wrong: “{text}”", "您的异议：“{text}”"),
    "dispute": ("Say that this record is wrong", "提出异议"),
    "reason": ("Why it is wrong", "理由"),
    "text": (
        f"In your own words, at most {WORDS_MAX} of them, without any number of a card or document",
        f"说明（最多 {TEXT_OF_PERSON_CHARACTERS_MAX} 字，请勿填写证件号或卡号）",
    ),
    "send_dispute": ("Dispute this record", "提交异议"),
    "add_statement": ("Add a statement of your own", "附上本人声明"),
    "send_statement": ("Add this statement", "提交声明"),
    "not-mine": ("it is another person's", "不是本人的"),
    "mixed-up": ("it is of a person with the same name", "与同名者混淆"),
    "not-liable": ("somebody else owes it", "不由本人承担"),
    "paid": ("it is paid", "已付清"),
    "wrong-amount": ("the amount is wrong", "金额有误"),
    "wrong-day": ("a day is wrong", "日期有误"),
    "reported-twice": ("it was reported twice", "重复报送"),
    "fraud": ("somebody used my name", "被他人冒用"),
    "other": ("something else, as written below", "其他，见说明"),
    "access": ("Who may look, and who has", "谁可以查看，谁查看过"),
    "access_none": ("Nobody is permitted to look.", "没有任何机构被允许查看。"),
    "permitted": ("{who}, since {day}", "{who}，自{day}起"),
    "permission_over": ("{who}, until {day}", "{who}，已于{day}撤回"),
    "withdraw": ("Withdraw the permission of {who}", "撤回对 {who} 的授权"),
    "permit": ("Let somebody look", "授权查看"),
    "who": ("Who", "机构"),
    "send_permit": ("Permit", "授权"),
    "looks": ("Who has looked", "查看记录"),
    "looks_none": ("Nobody has looked yet.", "还没有人查看过。"),
    "when": ("when", "时间"),
    "looker": ("who", "机构"),
    "what": ("what", "内容"),
    "look_standing": ("standing", "等级与权益"),
    "look_score": ("score", "分数"),
    "look_reasons": ("reasons", "原因"),
    "look_hints": ("hints", "提升建议"),
    "look_records": ("records", "记录"),
    "look_history": ("history", "历史"),
    "look_page": ("this page", "本页面"),
    "by_webhook": ("{what}, by webhook", "{what}（自动推送）"),
    "answers": ("What you asked, and what you were told", "申请、通知与答复"),
    "asked_dispute": ("You said that a record is wrong.", "您对一条记录提出了异议。"),
    "asked_statement": ("You added a statement to a record.", "您为一条记录附上了声明。"),
    "asked_withdraw-consent": ("You took a consent back.", "您撤回了一项授权。"),
    "asked_re-evaluate": ("You asked for a new score.", "您申请了重新评分。"),
    "asked_export": ("You asked for all that is held about you.", "您申请了全部数据副本。"),
    "asked_erase": ("You asked to be erased.", "您申请了删除全部数据。"),
    "answers_none": ("Nothing yet.", "暂无。"),
    "about_request": ("{said} (request {id})", "{said}（申请 {id}）"),
    "about_record": ("{said} ({partner}, {number})", "{said}（{partner}，{number}）"),
    "consent": ("Consents that you gave to partners", "您给合作机构的授权"),
    "consents_none": ("No consent of yours is known.", "没有已知的授权。"),
    "consent_to": ("To {partner}: {number}", "给 {partner}：{number}"),
    "consent_given": ("For {purpose}, given on {day}", "用途：{purpose}，授权于{day}"),
    "consent_unused": ("Nothing was reported under it.", "该授权下没有报送任何数据。"),
    "consent_over": ("Taken back on {day}", "已于{day}撤回"),
    "take_back": ("Take back {number}", "撤回 {number}"),
    "consent_other": ("Take back one that is not listed", "撤回未列出的授权"),
    "consent_explained": (
        "Figures of your means are taken only under a consent. What rested on one that you take back goes.",
        "收入等数据仅在您授权后使用；撤回后，基于该授权的数据将被移除。",
    ),
    "partner": ("Partner", "合作机构"),
    "consent_id": ("Number of the consent", "授权编号"),
    "send_consent": ("Take it back", "撤回"),
    "yours": ("Your data", "我的数据"),
    "download": ("Download what this page shows (JSON)", "下载本页数据（JSON）"),
    "export": ("Ask for all that is held", "申请全部数据副本"),
    "export_explained": (
        "All that any part of the platform holds about you is one document, which this page cannot show. Ask for it "
        "here; once the answer above says that it may be read, the operator gives it to you for the number of the "
        "request.",
        "平台各部分保存的您的全部数据汇成一份文件，本页无法显示。请在此申请；上方答复告知可以查阅后，请凭申请编号向运营方领取。",
    ),
    "erase": ("Be erased everywhere", "删除我的全部数据"),
    "erase_explained": (
        "Your score, records, permissions and history go from all services, and cannot be brought back. When "
        "that is done, this page says so, and has the receipt.",
        "您的信用分、记录、授权与历史将从所有系统中删除，且无法恢复；完成后本页会注明，并提供回执。",
    ),
    "erase_sure": ("I want everything about me to be erased.", "我确认删除与我有关的全部数据。"),
    "sent": (
        "It was sent, as {id}. The answer appears below within a minute.",
        "已提交（{id}），答复将在一分钟内显示在下方。",
    ),
    "sent_erase": (
        "It was sent, as {id}. Once everything is erased, nothing of this is here any more, and the page says so. Open "
        "it again in a minute.",
        "已提交（{id}）。全部删除后，本页将不再有这些内容，并会注明。请一分钟后重新打开本页。",
    ),
    "done": ("Done.", "已完成。"),
    "not_sent": ("It was not sent: {why}", "未提交：{why}"),
    "entry": ("Open with the link that you were given.", "请使用您收到的链接打开。"),
    "login": ("Log in", "登录"),
    "expired": (
        "This link does not open anything any more. Ask for another one.",
        "此链接已失效，请重新申请。",
    ),
    "left": ("You have left. Close this window if others use this device.", "您已退出。如与他人共用设备，请关闭窗口。"),
    "chart_dimensions": ("The five dimensions; the same numbers stand in the table below.", "五个维度；数值见下表。"),
    "chart_history": ("The score over time, from {first} to {last}.", "分数变化：由 {first} 到 {last}。"),
    "fallen": ("When it fell, and why", "分数下降及原因"),
    "fallen_never": ("It fell in none of the publications that are listed below.", "下列各次评分中未曾下降。"),
    "fell": ("{day}: {change}, to {score}", "{day}：{change}，降至 {score}"),
    "history_table": ("All publications", "全部评分"),
    "day": ("day", "日期"),
    "score": ("score", "分数"),
    "change": ("change", "变化"),
    "causes": ("what moved it", "变化原因"),
}

_REFUSED: Mapping[str, tuple[str | None, str]] = {
    "foreign-form": (
        "This form is no longer in force. Open the page again, and send it from there.",
        "此表单已失效，请重新打开页面后再提交。",
    ),
    "too-many-requests": ("Too much was asked in a short time. Wait a minute.", "操作过于频繁，请一分钟后再试。"),
    "not-available": (
        "This cannot be shown or taken at the moment. Try again in a minute.",
        "暂时无法显示或受理，请一分钟后再试。",
    ),
    "not-found": (None, "没有找到相应内容，请重新打开页面。"),
    "not-permitted": (None, "您的链接不能打开此页面。"),
    "not-sure": (None, "请勾选确认。"),
    "names-person": (None, "请勿填写证件号、地址、卡号或电话：其他人会看到这段文字。"),
    "too-many-words": (None, f"文字过长，最多 {WORDS_MAX} 词。"),
    "text-length": (None, "文字为空或过长。"),
    "text-form": (None, "文字中有不能使用的字符。"),
    "field-required-by-kind": (None, "请填写说明。"),
}
"""By the code of what was refused; None where what is told to programs is a sentence for people as well."""
_REFUSED_OTHERS = "内容不符合要求，请检查后重新提交。"


def word(name: str, language: Language, /, **values: object) -> str:
    """Raises KeyError for a name that is not here."""
    return _BOTH[name][0 if language == "en" else 1].format(**values)


def looked_at(what: str, language: Language) -> str:
    """What somebody has looked at, as the ledger has it."""
    part, _, by_webhook = what.partition(", by ")
    name = f"look_{part}"
    said = word(name, language) if name in _BOTH else part
    return word("by_webhook", language, what=said) if by_webhook else said


def refused(code: str, detail: str, language: Language) -> str:
    """Why something was not done, to a person: `detail` is the English sentence for programs."""
    english, chinese = _REFUSED.get(code, (None, _REFUSED_OTHERS))
    return chinese if language == "zh" else english or detail
