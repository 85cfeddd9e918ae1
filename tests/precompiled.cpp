// A place for the precompiled headers; a program, because they serve programs (-fPIE).
int main() {}
