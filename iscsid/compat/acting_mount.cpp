#include "iscsid/compat/acting_mount.hpp"

#include "iscsid/compat/errors.hpp"
#include "iscsid/disk/fuse_abi.hpp"
#include "iscsid/os/system_fault.hpp"

#include <boost/asio/error.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <system_error>
#include <utility>

namespace iscsid::compat {

namespace {

namespace asio = boost::asio;
namespace fuse = disk::fuse;

constexpr std::uint32_t longest_write = 4096;
constexpr std::size_t room_for_request = FUSE_MIN_READ_BUFFER + longest_write;
constexpr std::size_t most_writes = 64; // under way at one time
constexpr std::size_t shortest_init = 16;
constexpr std::uint64_t for_ever = 365ULL * 24 * 3600; // seconds: a name always means the same
constexpr mode_t only_written = 0200;
constexpr mode_t listed = 0755;

fuse_attr attributes_of(std::uint64_t node) {
    fuse_attr all{};
    all.ino = node;
    all.nlink = 1;
    all.mode = node == FUSE_ROOT_ID ? S_IFDIR | listed : S_IFREG | only_written;
    // As sysfs says of its files. Writes inside it need no lock.
    all.size = node == FUSE_ROOT_ID ? 0 : longest_write;
    all.blksize = longest_write;
    return all;
}

fuse_init_out answer_to(const fuse_init_in& offer) {
    fuse_init_out answer{};
    answer.major = FUSE_KERNEL_VERSION;
    answer.minor = std::min<std::uint32_t>(offer.minor, FUSE_KERNEL_MINOR_VERSION);
    answer.max_write = longest_write;
    answer.time_gran = 1;
    return answer;
}

// A name ends at the first zero.
std::string name_in(iscsi::bytes_view body) {
    const std::string_view text(reinterpret_cast<const char*>(body.data()), body.size());
    return std::string(text.substr(0, text.find('\0')));
}

void add_directory_entry(
    std::uint64_t node, std::uint64_t next, const std::string& name, std::vector<std::byte>& to
) {
    fuse_dirent entry{};
    entry.ino = node;
    entry.off = next;
    entry.namelen = static_cast<std::uint32_t>(name.size());
    entry.type = DT_REG;
    std::vector<std::byte> whole(FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + name.size()));
    std::memcpy(whole.data(), &entry, FUSE_NAME_OFFSET);
    std::memcpy(whole.data() + FUSE_NAME_OFFSET, name.data(), name.size());
    to.insert(to.end(), whole.begin(), whole.end());
}

} // namespace

iscsi::result<std::shared_ptr<acting_mount>> acting_mount::make(
    const asio::any_io_executor& control,
    const std::filesystem::path& where,
    const std::string& source,
    acting_handler handler
) {
    const std::shared_ptr<acting_mount> made(new acting_mount(control, std::move(handler)));
    if (auto mounted = made->mount_on(where, source); !mounted)
        return mounted.error();
    made->wait_for_request();
    return made;
}

acting_mount::acting_mount(const asio::any_io_executor& control, acting_handler handler)
    : device_(control), handler_(std::move(handler)), room_(room_for_request) {}

// For everybody to look at, as sysfs is; that only root may write, the kernel sees to.
iscsi::result<void>
acting_mount::mount_on(const std::filesystem::path& where, const std::string& source) {
    os::descriptor device(::open("/dev/fuse", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!device)
        return os::system_fault(compat_errc::no_fuse, "/dev/fuse");
    const auto options = fmt::format(
        "fd={},rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other", device.number()
    );
    constexpr auto flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME;
    if (::mount(source.c_str(), where.c_str(), "fuse.iscsid", flags, options.c_str()) != 0)
        return os::system_fault(
            compat_errc::mount_failed, where.string(), "CAP_SYS_ADMIN and FUSE"
        );
    device_.assign(::fcntl(device.number(), F_DUPFD_CLOEXEC, 0));
    return {};
}

void acting_mount::add(const acting_file& file) {
    const auto [place, is_new] = nodes_.try_emplace(name_of(file), next_node_);
    if (is_new)
        ++next_node_;
    files_[place->second] = {file, true};
}

void acting_mount::remove(const acting_file& file) {
    const auto known = nodes_.find(name_of(file));
    if (known != nodes_.end())
        files_[known->second].is_there = false;
}

void acting_mount::forget(std::uint32_t sid) {
    const auto is_of_session = [sid](const known_file& each) { return each.file.sid == sid; };
    std::erase_if(nodes_, [&](const auto& each) { return is_of_session(files_[each.second]); });
    std::erase_if(files_, [&](const auto& each) { return is_of_session(each.second); });
}

void acting_mount::stop() {
    boost::system::error_code ignored;
    device_.close(ignored);
}

const acting_mount::known_file* acting_mount::find(std::uint64_t node) const {
    const auto found = files_.find(node);
    return found == files_.end() ? nullptr : &found->second;
}

// ---- the connection -----------------------------------------------------------------------------

void acting_mount::wait_for_request() {
    device_.async_wait(
        asio::posix::stream_descriptor::wait_read,
        [weak = weak_from_this()](const boost::system::error_code& ended) {
            if (const auto self = weak.lock(); self && !ended)
                self->take_requests();
        }
    );
}

// Each read gives one request. Whoever waits has been answered when there is none left.
void acting_mount::take_requests() {
    for (;;) {
        const auto size = ::read(device_.native_handle(), room_.data(), room_.size());
        if (size < 0 && (errno == EINTR || errno == ENOENT)) // it was taken back
            continue;
        if (size < 0 && errno == EAGAIN)
            return wait_for_request();
        const auto request = fuse::read_as<fuse_in_header>(
            iscsi::bytes_view(room_).first(size < 0 ? 0 : static_cast<std::size_t>(size))
        );
        if (!request || request->len != static_cast<std::size_t>(size)) {
            spdlog::error(
                "the acting files of sysfs end: {}", std::generic_category().message(errno)
            );
            return stop();
        }
        serve(*request, iscsi::bytes_view(room_).first(request->len).subspan(sizeof *request));
        if (!device_.is_open())
            return;
    }
}

void acting_mount::serve(const fuse_in_header& request, iscsi::bytes_view body) {
    switch (request.opcode) {
    case FUSE_INIT:
        if (const auto offer = fuse::read_as<fuse_init_in>(body, shortest_init))
            return answer(request.unique, fuse::bytes_of(answer_to(*offer)));
        return refuse(request.unique, EPROTO);
    case FUSE_LOOKUP:
        return serve_lookup(request, body);
    case FUSE_GETATTR:
    case FUSE_SETATTR: // a shell that writes truncates first; nothing else has an effect
        return answer(
            request.unique,
            fuse::bytes_of(fuse_attr_out{for_ever, 0, 0, attributes_of(request.nodeid)})
        );
    case FUSE_OPEN:
        return serve_open(request, body);
    case FUSE_WRITE:
        return serve_write(request, body);
    case FUSE_OPENDIR:
        return answer(request.unique, fuse::bytes_of(fuse_open_out{}));
    case FUSE_READDIR:
        return serve_directory(request, body);
    case FUSE_FLUSH:
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
    case FUSE_FSYNC:
    case FUSE_FSYNCDIR:
    case FUSE_DESTROY:
        return answer(request.unique);
    case FUSE_STATFS:
        return answer(request.unique, fuse::bytes_of(fuse_statfs_out{}));
    case FUSE_INTERRUPT:
        return serve_interrupt(body);
    case FUSE_FORGET: // neither is answered
    case FUSE_BATCH_FORGET:
        return;
    default:
        return refuse(request.unique, ENOSYS);
    }
}

void acting_mount::serve_lookup(const fuse_in_header& request, iscsi::bytes_view body) {
    const auto known = nodes_.find(name_in(body));
    if (known == nodes_.end() || !files_[known->second].is_there)
        return refuse(request.unique, ENOENT);
    fuse_entry_out entry{};
    entry.nodeid = known->second;
    entry.entry_valid = entry.attr_valid = for_ever;
    entry.attr = attributes_of(known->second);
    answer(request.unique, fuse::bytes_of(entry));
}

// Without a cache: each write comes as it was made. Side by side, where the kernel can: else one
// that waits for a silent LUN would hold up all others to that file, and those cannot be killed.
void acting_mount::serve_open(const fuse_in_header& request, iscsi::bytes_view body) {
    const auto how = fuse::read_as<fuse_open_in>(body);
    const auto* const known = find(request.nodeid);
    if (known == nullptr || !known->is_there)
        return refuse(request.unique, ENODEV);
    if (!how || (how->flags & static_cast<std::uint32_t>(O_ACCMODE)) != O_WRONLY)
        return refuse(request.unique, EACCES); // as the kernel does with a file without a reader
    fuse_open_out opened{};
    opened.open_flags = FOPEN_DIRECT_IO | FOPEN_NONSEEKABLE | FOPEN_PARALLEL_DIRECT_WRITES;
    answer(request.unique, fuse::bytes_of(opened));
}

void acting_mount::serve_write(const fuse_in_header& request, iscsi::bytes_view body) {
    const auto what = fuse::read_as<fuse_write_in>(body);
    const auto* const known = find(request.nodeid);
    if (known == nullptr || !known->is_there)
        return refuse(request.unique, ENODEV);
    if (!what || body.size() - sizeof *what != what->size)
        return refuse(request.unique, EINVAL);
    if (writes_.size() >= most_writes)
        return refuse(request.unique, EBUSY);
    const auto data = body.subspan(sizeof *what);
    std::string text(reinterpret_cast<const char*>(data.data()), data.size());
    writes_[request.unique] = what->size;
    const auto done = [weak = weak_from_this(), unique = request.unique](int error) {
        const auto self = weak.lock();
        const auto of = self ? self->writes_.extract(unique) : decltype(self->writes_)::node_type();
        if (of.empty()) // nobody waits for it any more
            return;
        if (error != 0)
            return self->refuse(unique, error);
        self->answer(unique, fuse::bytes_of(fuse_write_out{of.mapped(), 0}));
    };
    handler_(acting_file(known->file), std::move(text), done);
}

void acting_mount::serve_directory(const fuse_in_header& request, iscsi::bytes_view body) {
    const auto what = fuse::read_as<fuse_read_in>(body);
    if (!what)
        return refuse(request.unique, EINVAL);
    std::vector<std::byte> all;
    std::uint64_t at = 0;
    for (const auto& [name, node] : nodes_) {
        if (at++ < what->offset || !files_[node].is_there)
            continue;
        std::vector<std::byte> one;
        add_directory_entry(node, at, name, one);
        if (all.size() + one.size() > what->size)
            break;
        all.insert(all.end(), one.begin(), one.end());
    }
    answer(request.unique, all);
}

// Whoever got a signal goes on; what was begun goes on, too.
void acting_mount::serve_interrupt(iscsi::bytes_view body) {
    const auto which = fuse::read_as<fuse_interrupt_in>(body);
    if (which && writes_.erase(which->unique) > 0)
        refuse(which->unique, EINTR);
}

// ---- answers ------------------------------------------------------------------------------------

void acting_mount::answer(std::uint64_t unique, iscsi::bytes_view body) {
    reply(unique, 0, body);
}

void acting_mount::refuse(std::uint64_t unique, int error) {
    reply(unique, error, {});
}

// The kernel takes it at once, or does not want it any more.
void acting_mount::reply(std::uint64_t unique, int error, iscsi::bytes_view body) {
    if (!device_.is_open())
        return;
    fuse_out_header header{};
    header.len = static_cast<std::uint32_t>(sizeof header + body.size());
    header.error = -error;
    header.unique = unique;
    // writev takes what it only reads as a pointer to non-const
    const std::array<iovec, 2> parts{
        iovec{&header, sizeof header},
        iovec{const_cast<std::byte*>(body.data()), body.size()}}; // NOLINT(*-const-cast)
    if (::writev(device_.native_handle(), parts.data(), body.empty() ? 1 : 2) < 0)
        spdlog::debug(
            "an answer to sysfs is not taken: {}", std::generic_category().message(errno)
        );
}

} // namespace iscsid::compat
