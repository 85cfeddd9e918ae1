#include "iscsid/lane/identity_watch.hpp"

#include "iscsid/lane/translate.hpp"

#include "libiscsi/scsi/inquiry.hpp"
#include "libiscsi/scsi/status.hpp"

#include <algorithm>
#include <utility>

namespace iscsid::lane {

namespace {

constexpr iscsi::duration first_delay = std::chrono::milliseconds(1);
constexpr iscsi::duration longest_delay = std::chrono::seconds(1);

// What is there so long without showing itself is taken for another unit, and another one that is
// there so long for meant: a target that has just been started may not be complete yet.
constexpr iscsi::duration patience_with_nothing = std::chrono::seconds(30);
constexpr iscsi::duration patience_with_another = std::chrono::seconds(3);

iscsi::result<std::string> identity_in(scsi::vpd_page page, iscsi::bytes_view data) {
    return page == scsi::vpd_page::device_identification ? scsi::read_wwid(data)
                                                         : scsi::read_unit_serial_number(data);
}

// SPC-5 §6.7.2: only qualifier 0 is a unit that is there.
bool is_there(iscsi::bytes_view inquiry) {
    return !inquiry.empty() && std::to_integer<unsigned>(inquiry[0]) >> 5U == 0;
}

} // namespace

void identity_watch::watch(
    const iscsi::lun_field& lun, const scsi::logical_unit& recorded, const void* who, teller tell
) {
    if (recorded.wwid.empty() && recorded.serial.empty())
        return;
    const auto slot = slot_for(lun);
    auto& whom = *units_[slot];
    const bool is_news = whom.listeners.empty();
    whom.page = recorded.wwid.empty() ? scsi::vpd_page::unit_serial_number
                                      : scsi::vpd_page::device_identification;
    whom.expected = recorded.wwid.empty() ? recorded.serial : recorded.wwid;
    if (whom.other)
        tell(true);
    whom.listeners.push_back({who, std::move(tell)});
    if (is_news && session_->logged_in()) // maybe not by the login that was scanned
        begin(slot);
}

void identity_watch::forget(const iscsi::lun_field& lun, const void* who) {
    auto* const whom = find(lun);
    if (whom == nullptr)
        return;
    std::erase_if(whom->listeners, [who](const listener& each) { return each.who == who; });
    if (!whom->listeners.empty())
        return;
    session_->let_go(lun);
    if (whom->is == state::at_rest || whom->is == state::waiting)
        std::ranges::find(units_, whom, &std::unique_ptr<unit>::get)->reset();
}

void identity_watch::doubt(const iscsi::lun_field& lun) {
    for (std::uint32_t slot = 0; slot < units_.size() && !is_telling_; ++slot)
        if (units_[slot] != nullptr && units_[slot]->lun == lun)
            begin(slot);
}

void identity_watch::doubt_all() {
    for (std::uint32_t slot = 0; slot < units_.size() && !is_telling_; ++slot)
        if (units_[slot] != nullptr)
            begin(slot);
}

void identity_watch::restart_timeouts(iscsi::instant /*now*/) {
    doubt_all();
}

identity_watch::unit* identity_watch::find(const iscsi::lun_field& lun) {
    const auto found = std::ranges::find_if(units_, [&lun](const auto& each) {
        return each != nullptr && each->lun == lun;
    });
    return found == units_.end() ? nullptr : found->get();
}

std::uint32_t identity_watch::slot_for(const iscsi::lun_field& lun) {
    auto place = std::ranges::find_if(units_, [&lun](const auto& each) {
        return each != nullptr && each->lun == lun;
    });
    if (place == units_.end())
        place = std::find(units_.begin(), units_.end(), nullptr);
    if (place == units_.end())
        place = units_.insert(place, nullptr);
    if (*place == nullptr) {
        *place = std::make_unique<unit>();
        (*place)->lun = lun;
    }
    return static_cast<std::uint32_t>(place - units_.begin());
}

// A question that is under way, or that the session sends again, will do.
void identity_watch::begin(std::uint32_t slot) {
    auto& whom = *units_[slot];
    if (whom.listeners.empty())
        return;
    whom.begun = session_->now();
    whom.delay = first_delay;
    whom.asked_again = false;
    session_->hold(whom.lun);
    if (whom.is == state::asking || whom.is == state::giving_up)
        whom.due = whom.begun + timeout_of(scsi::inquiry_vpd(whom.page, 0));
    else
        ask(slot);
}

void identity_watch::ask(std::uint32_t slot) {
    auto& whom = *units_[slot];
    iscsi::command what;
    what.lun = whom.lun;
    what.cdb = scsi::inquiry_vpd(whom.page, static_cast<std::uint16_t>(whom.room.size()));
    what.data_in = whom.room;
    what.cookie = slot;
    what.goes_ahead = true;
    const auto task = session_->submit(what, *this);
    if (task.has_error())
        return ask_later(whom);
    whom.is = state::asking;
    whom.task = task.value();
    whom.due = session_->now() + timeout_of(what.cdb);
}

void identity_watch::ask_later(unit& whom) {
    whom.is = state::waiting;
    whom.asked_again = true;
    whom.due = session_->now() + whom.delay;
    whom.delay = std::min(2 * whom.delay, longest_delay);
}

// Silence says nothing about the unit; without a connection the next login asks again.
void identity_watch::command_done(std::uint32_t slot, const iscsi::task_done& done) {
    auto& whom = *units_[slot];
    whom.is = state::at_rest;
    if (whom.listeners.empty())
        units_[slot].reset();
    else if (done.outcome == iscsi::task_result::answered)
        conclude(whom, judge(whom, done));
    else if (session_->logged_in())
        ask_later(whom);
}

identity_watch::finding
identity_watch::judge(const unit& whom, const iscsi::task_done& done) const {
    const bool good =
        done.response == 0 && done.status == static_cast<std::uint8_t>(scsi::status::good);
    const auto data =
        iscsi::bytes_view(whom.room).first(std::min<std::size_t>(done.transferred, whom.room.size())
        );
    if (!good || !is_there(data))
        return finding::nothing;
    const auto shown = identity_in(whom.page, data);
    if (shown.has_error())
        return finding::nothing;
    return *shown == whom.expected ? finding::same : finding::other;
}

// Another unit is asked again and again: the right one may come back.
void identity_watch::conclude(unit& whom, finding what) {
    if (what == finding::same) {
        tell(whom, false);
        session_->let_go(whom.lun);
        return;
    }
    const auto patience = what == finding::other ? patience_with_another : patience_with_nothing;
    if (session_->now() - whom.begun >= patience)
        tell(whom, true);
    ask_later(whom);
}

// Those above look again at what is other than it was, or was not there at once.
void identity_watch::tell(unit& whom, bool is_other) {
    const bool is_news = std::exchange(whom.other, is_other) != is_other;
    for (const auto& each : whom.listeners)
        each.tell(is_other);
    if (!is_news && (is_other || !whom.asked_again))
        return;
    is_telling_ = true;
    session_->attention(whom.lun, scsi::attention::inquiry_changed);
    is_telling_ = false;
}

void identity_watch::handle_deadline(iscsi::instant now) {
    for (std::uint32_t slot = 0; slot < units_.size(); ++slot)
        if (units_[slot] != nullptr && units_[slot]->due <= now)
            now_due(slot);
}

void identity_watch::now_due(std::uint32_t slot) {
    auto& whom = *units_[slot];
    if (whom.is == state::asking && session_->logged_in()) {
        whom.is = state::giving_up; // ends in command_done()
        session_->abort(whom.task);
    } else if (whom.is == state::asking) { // a lost connection is not the fault of the unit
        whom.due = session_->now() + longest_delay;
    } else if (whom.is == state::waiting) {
        whom.is = state::at_rest; // without a connection the next login asks
        if (session_->logged_in())
            ask(slot);
    }
}

std::optional<iscsi::instant> identity_watch::next_deadline() const {
    std::optional<iscsi::instant> first;
    for (const auto& each : units_)
        if (each != nullptr && (each->is == state::waiting || each->is == state::asking))
            first = first ? std::min(*first, each->due) : each->due;
    return first;
}

void identity_watch::session_gone() {
    session_ = nullptr;
    units_.clear();
}

} // namespace iscsid::lane
