// Memory of the heap is overwritten when it is given back, whatever it held: CHAP secrets are in
// records, settings, coroutine frames and text that a parser has moved, and a copy that is
// forgotten in one of them would stay until the daemon ends. Requests allocate nothing, so this
// costs no I/O anything.
#include <malloc.h>

#include <cstdlib>
#include <cstring>
#include <new>

namespace {

void* allocate(std::size_t size, std::size_t alignment) {
    const auto usual = static_cast<std::size_t>(__STDCPP_DEFAULT_NEW_ALIGNMENT__);
    void* memory = nullptr;
    if (alignment <= usual)
        memory = std::malloc(size == 0 ? 1 : size); // NOLINT(*-no-malloc): this is operator new
    else if (::posix_memalign(&memory, alignment, size) != 0)
        memory = nullptr;
    return memory;
}

void* allocate_or_throw(std::size_t size, std::size_t alignment) {
    void* const memory = allocate(size, alignment);
    if (memory == nullptr)
        throw std::bad_alloc();
    return memory;
}

void wipe(void* memory) {
    if (memory == nullptr)
        return;
    ::explicit_bzero(memory, ::malloc_usable_size(memory));
    std::free(memory); // NOLINT(*-no-malloc)
}

} // namespace

void* operator new(std::size_t size) {
    return allocate_or_throw(size, 0);
}

void* operator new(std::size_t size, std::align_val_t alignment) {
    return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}

void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
    return allocate(size, 0);
}

void operator delete(void* memory, const std::nothrow_t& /*tag*/) noexcept {
    wipe(memory);
}

void operator delete(void* memory) noexcept {
    wipe(memory);
}

void operator delete(void* memory, std::size_t /*size*/) noexcept {
    wipe(memory);
}

void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept {
    wipe(memory);
}

void operator delete(void* memory, std::size_t /*size*/, std::align_val_t /*alignment*/) noexcept {
    wipe(memory);
}
