#include "iscsid/lane/session_host.hpp"

#include "iscsid/os/random.hpp"

#include "libiscsi/core/pdu/sense_segment.hpp"
#include "libiscsi/scsi/disposition.hpp"
#include "libiscsi/scsi/status.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace iscsid::lane {

namespace {

// The most that one system call takes (IOV_MAX).
constexpr std::size_t longest_vector = 1024;

template <class Span>
void to_iovecs(std::span<const Span> plan, std::vector<iovec>& to) {
    to.clear();
    for (const Span& each : plan.first(std::min(plan.size(), longest_vector)))
        // An iovec has no const form; what is sent is only read.
        to.push_back({const_cast<std::byte*>(each.data()), each.size()});
}

iscsi::fault system_fault(const char* what, std::int32_t result) {
    return {boost::system::error_code(-result, boost::system::system_category()), what, {}, {}};
}

iscsi::fault no_free_slot() {
    return {iscsi::to_error_code(iscsi::session_errc::no_free_slot), {}, {}, {}};
}

} // namespace

session_host::session_host(
    session_key key, iscsi::session session, int socket, note_handler notes, ring& io
)
    : key_(key)
    , session_(std::move(session))
    , socket_(socket)
    , transport_wanted_(socket < 0)
    , notes_(std::move(notes))
    , io_(io) {
    receive_vector_.reserve(longest_vector);
    send_vector_.reserve(longest_vector);
    add(control_);
}

session_host::~session_host() {
    if (socket_ >= 0)
        ::close(socket_);
}

void session_host::transport(int socket, const iscsi::fault& why) {
    if (!std::exchange(transport_wanted_, false)) { // too late: the session is over, or was told
        if (socket >= 0)
            ::close(socket);
        return;
    }
    busy_ = true;
    socket_ = socket;
    if (socket < 0)
        session_.connect_failed(why, now());
    else
        session_.transport_up(now());
}

void session_host::execute(control_command command) {
    busy_ = true;
    control_.submit(std::move(command));
}

void session_host::logout() {
    busy_ = true;
    session_.logout(now());
}

session_view session_host::view() const {
    return {
        session_.connection(),
        session_.state(),
        session_.parameters(),
        session_.statistics(),
        session_.unfinished_tasks(),
        session_.target_portal_group_tag()};
}

unit& session_host::unit_of(const iscsi::lun_field& lun) {
    if (unit* const known = find_unit(lun))
        return *known;
    units_.push_back(std::make_unique<unit>(*this, lun, session_.config().unit_commands_max));
    add(units_.back()->identity());
    return *units_.back();
}

unit* session_host::find_unit(const iscsi::lun_field& lun) {
    const auto found = std::ranges::find(units_, lun, &unit::lun);
    return found == units_.end() ? nullptr : found->get();
}

void session_host::add(command_source& source) {
    auto place = std::find(sources_.begin(), sources_.end(), nullptr);
    if (place == sources_.end())
        place = sources_.insert(place, nullptr);
    *place = &source;
    source.set_number(static_cast<std::uint32_t>(place - sources_.begin()));
}

void session_host::remove(const command_source& source) {
    sources_[source.number()] = nullptr;
}

void session_host::leave() {
    busy_ = true;
    begin_close({});
}

void session_host::part_from_sources() {
    for (command_source* each : std::exchange(sources_, {}))
        if (each != nullptr)
            each->session_gone();
}

void session_host::run(iscsi::instant now) {
    if (deadline_ && *deadline_ <= now)
        handle_deadlines(now);
    if (busy_)
        settle();
}

// A source that sends out of turn is the last one in the next round, so that its retries do not
// come before what others wait to send for the first time.
iscsi::result<iscsi::task_id>
session_host::submit(iscsi::command what, const command_source& from) {
    busy_ = true;
    if (someone_waits_ && !is_serving_ && !what.goes_ahead)
        return no_free_slot();
    what.cookie |= std::uint64_t{from.number()} << 32U;
    auto task = session_.submit(what, now());
    if (what.goes_ahead)
        return task;
    if (task.has_error())
        someone_waits_ = true;
    else if (!is_serving_)
        next_served_ = from.number() + 1;
    return task;
}

void session_host::abort(iscsi::task_id task) {
    busy_ = true;
    session_.abort(task, now());
}

void session_host::let_go(const iscsi::lun_field& lun) {
    busy_ = true;
    session_.let_go(lun);
}

bool session_host::logged_in() const {
    return session_.connection() == iscsi::connection_state::logged_in;
}

void session_host::note_change(const iscsi::lun_field& lun, scsi::attention what) {
    if (may_change_mode(what))
        unit_of(lun).doubt_write_cache();
}

void session_host::attention(const iscsi::lun_field& lun, scsi::attention what) {
    if (what == scsi::attention::deferred_error)
        return unit_of(lun).attention(what);
    for (const auto& each : units_)
        if (what == scsi::attention::luns_changed ||
            (what == scsi::attention::inquiry_changed && each->lun() == lun))
            each->doubt(identity_check::answer_under_way::is_old);
    tell(lun_attention{lun, what});
}

void session_host::ring_done(std::uint32_t operation, std::int32_t result) {
    busy_ = true;
    (operation == receiving ? receive_under_way_ : send_under_way_) = false;
    if (closing_)
        finish_close();
    else if (operation == receiving)
        received(result);
    else
        sent(result);
}

void session_host::received(std::int32_t result) {
    if (result < 0) {
        begin_close(system_fault("receive", result));
    } else if (result == 0) {
        begin_close({iscsi::to_error_code(iscsi::session_errc::target_closed), {}, {}, {}});
    } else {
        const auto accepted = session_.received(static_cast<std::size_t>(result), now());
        if (accepted.has_error())
            begin_close(accepted.error());
    }
}

void session_host::sent(std::int32_t result) {
    if (result < 0)
        begin_close(system_fault("send", result));
    else
        session_.sent(static_cast<std::size_t>(result), now());
}

void session_host::handle_deadlines(iscsi::instant now) {
    busy_ = true;
    session_.handle_deadline(now);
    for (command_source* each : sources_)
        if (each != nullptr)
            each->handle_deadline(now);
}

// Everything that this turn has brought is in the session: take what follows from it, then send
// what has gathered with one call.
void session_host::settle() {
    busy_ = false;
    do
        drain_events();
    while (hand_out_free_slots());
    start_send();
    start_receive();
    deadline_ = first_deadline();
}

void session_host::drain_events() {
    while (const auto event = session_.poll_event())
        std::visit([this](const auto& what) { on(what); }, *event);
}

// In turn, so that no disk of the session starves another.
bool session_host::hand_out_free_slots() {
    bool some = false;
    is_serving_ = true;
    while (session_.free_slots() > 0 && serve_one())
        some = true;
    is_serving_ = false;
    someone_waits_ = session_.free_slots() == 0;
    return some;
}

bool session_host::serve_one() {
    for (std::size_t tried = 0; tried < sources_.size(); ++tried) {
        command_source* const source = sources_[next_served_ % sources_.size()];
        ++next_served_;
        if (source != nullptr && source->send_waiting())
            return true;
    }
    return false;
}

std::optional<iscsi::instant> session_host::first_deadline() const {
    auto first = session_.next_deadline();
    for (const command_source* each : sources_) {
        const auto own = each != nullptr ? each->next_deadline() : std::nullopt;
        if (own && (!first || *own < *first))
            first = own;
    }
    return first;
}

void session_host::start_receive() {
    if (socket_ < 0 || receive_under_way_ || closing_)
        return;
    to_iovecs(session_.read_plan(), receive_vector_);
    if (receive_vector_.empty())
        return;
    receive_under_way_ = true;
    io_.receive_vector(socket_, receive_vector_, *this, receiving);
}

void session_host::start_send() {
    if (socket_ < 0 || send_under_way_ || closing_)
        return;
    to_iovecs(session_.write_plan(), send_vector_);
    if (send_vector_.empty())
        return;
    send_under_way_ = true;
    io_.send_vector(socket_, send_vector_, *this, sending);
}

// The session must not hear of the loss before the kernel has let go of its memory.
void session_host::begin_close(const iscsi::fault& why) {
    if (socket_ < 0 || closing_)
        return;
    closing_ = why;
    ::shutdown(socket_, SHUT_RDWR);
    if (receive_under_way_)
        io_.cancel(*this, receiving);
    if (send_under_way_)
        io_.cancel(*this, sending);
    finish_close();
}

void session_host::finish_close() {
    if (receive_under_way_ || send_under_way_)
        return;
    ::close(std::exchange(socket_, -1));
    const iscsi::fault why = *std::exchange(closing_, std::nullopt);
    if (why.code)
        tell(iscsi::event(iscsi::want_close{why})); // the reason, for the log
    session_.transport_lost(why, now());
}

void session_host::on(const iscsi::task_done& done) {
    command_source* const source = sources_.at(done.cookie >> 32U);
    if (source != nullptr)
        source->command_done(static_cast<std::uint32_t>(done.cookie), done);
}

void session_host::on(const iscsi::want_transport& what) {
    transport_wanted_ = true;
    tell(iscsi::event(what));
}

void session_host::on(const iscsi::want_close& what) {
    begin_close(what.why);
}

void session_host::on(const iscsi::want_entropy& what) {
    session_.provide_entropy(os::random_bytes(what.bytes), now());
}

void session_host::on(const iscsi::logged_in& what) {
    for (command_source* each : sources_)
        if (each != nullptr)
            each->restart_timeouts(now());
    for (const auto& each : units_) {
        each->doubt_write_cache(); // whoever has changed it meanwhile, nobody could tell us
        each->doubt(identity_check::answer_under_way::counts);
    }
    tell(iscsi::event(what));
}

void session_host::on(const iscsi::target_message& what) {
    tell_attention(what);
    auto bytes = std::make_shared<const std::vector<std::byte>>(what.data.begin(), what.data.end());
    notes_({key_, iscsi::event(iscsi::target_message{what.message, *bytes}), bytes});
}

// A SCSI event is a unit attention without a command that could carry it (RFC 7143 §11.9.1).
void session_host::tell_attention(const iscsi::target_message& what) {
    if (what.message.async_event != iscsi::async_scsi_event)
        return;
    constexpr auto status = static_cast<std::uint8_t>(scsi::status::check_condition);
    const auto judged = scsi::judge({0, status, iscsi::sense_in(what.data)});
    if (judged.news != scsi::attention::none)
        unit_of(what.message.lun).attention(judged.news);
}

void session_host::on(const iscsi::logged_out& what) {
    transport_wanted_ = false;
    tell(iscsi::event(what));
    begin_close({});
}

void session_host::tell(note_content what) {
    notes_({key_, std::move(what), nullptr});
}

} // namespace iscsid::lane
